import { expect, test } from 'vitest';
import { ahead } from './ahead.ts';

/** Gives numbers, notes what was asked of it, and fails in the place of one. */
function source(end: number, notes: string[], failing?: number) {
  return (async function* () {
    try {
      for (let number = 0; number < end; number++) {
        notes.push(`makes ${number}`);
        if (number === failing) throw new Error(`no ${number}`);
        yield number;
      }
    } finally {
      notes.push('closed');
    }
  })();
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

test('the next one is being made while one is used, and no other', async () => {
  const notes: string[] = [];
  for await (const number of ahead(source(3, notes))) {
    notes.push(`uses ${number}`);
    await turn();
  }
  expect(notes).toEqual(['makes 0', 'uses 0', 'makes 1', 'uses 1', 'makes 2', 'uses 2', 'closed']);
});

test('a failure comes in its turn', async () => {
  const used: number[] = [];
  const work = (async () => {
    for await (const number of ahead(source(9, [], 2))) {
      await turn();
      used.push(number);
    }
  })();
  await expect(work).rejects.toThrow('no 2');
  expect(used).toEqual([0, 1]);
});

test('who leaves closes the source, also when what comes next fails', async () => {
  for (const failing of [undefined, 1]) {
    const notes: string[] = [];
    for await (const _ of ahead(source(9, notes, failing))) {
      await turn();
      break;
    }
    expect(notes).toEqual(['makes 0', 'makes 1', 'closed']);
  }
});
