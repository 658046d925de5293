import { describe, expect, test } from 'vitest';
import { LifeboatError } from '../kernel/errors.ts';
import { agree, consentDigest, type Destruction, destructionText } from './consent.ts';

const { signal } = new AbortController();
const destruction: Destruction = {
  deed: 'restore point P to /srv',
  verb: 'overwritten',
  items: [
    { name: '/srv/a', state: 'file, 3 B' },
    { name: '/srv/b\n', state: 'symlink' },
  ],
  identity: { point: 'P', items: ['a', 'b'] },
};
const digest = consentDigest(destruction.identity);

async function nobody(): Promise<string> {
  throw new LifeboatError('refused', 'no terminal');
}

async function unasked(): Promise<string> {
  throw new Error('was asked');
}

describe('agree', () => {
  test('to its digest', async () => {
    await agree(destruction, { yes: digest, ask: unasked }, signal);
  });

  test('to nothing, however it was called', async () => {
    for (const yes of [undefined, '', 'abc']) await agree({ ...destruction, items: [] }, { yes, ask: unasked }, signal);
  });

  test('not by --yes alone, nor by the digest of another plan; the hint has the right one', async () => {
    for (const yes of ['', consentDigest({ point: 'P', items: ['a'] })]) {
      await expect(agree(destruction, { yes, ask: unasked }, signal)).rejects.toMatchObject({
        code: 'refused',
        message: expect.stringContaining('2 things would be overwritten (/srv/a, /srv/b\\n)'),
        hint: expect.stringContaining(`--yes=${digest}`),
      });
    }
  });

  test('where nobody can be asked it is refused', async () => {
    await expect(agree(destruction, { ask: nobody }, signal)).rejects.toMatchObject({
      code: 'refused',
      hint: expect.stringContaining(`--yes=${digest}`),
    });
  });

  test('by the word typed at the screen, and by no other', async () => {
    const asked: string[] = [];
    const answering = (answer: string) => async (question: { readonly text: string }) => {
      asked.push(question.text);
      return answer;
    };
    await agree(destruction, { ask: answering('overwritten ') }, signal);
    await expect(agree(destruction, { ask: answering('y') }, signal)).rejects.toMatchObject({ code: 'refused' });
    expect(asked[0]).toContain(destructionText(destruction));
  });
});

test('the table names the first, counts the rest, and escapes what could steer a terminal', () => {
  const items = Array.from({ length: 30 }, (_, index) => ({ name: `/f${index}\u001b[2J`, state: 'file' }));
  const text = destructionText({ ...destruction, items });
  expect(text).toMatch(/^To be overwritten: 30\n  \/f0\\x1b\[2J +file\n/);
  expect(text).toContain('… and 10 more');
  expect(text).not.toContain('\u001b');
});

test('the order of keys does not matter to the digest', () => {
  expect(consentDigest({ a: 1, b: 2 })).toBe(consentDigest({ b: 2, a: 1 }));
});
