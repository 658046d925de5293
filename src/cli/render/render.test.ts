/** One stream of events, three renderings. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/helpers/temporary.ts';
import { Secret } from '../../kernel/secret.ts';
import type { RunEvent } from '../../workflow/events.ts';
import { jsonLinesRenderer } from './json-lines.ts';
import { logRenderer } from './log.ts';
import { Rate } from './rate.ts';
import { terminalRenderer } from './terminal.ts';

const MiB = 1024 * 1024;
const started: RunEvent = {
  type: 'run-started',
  run: 'r1',
  workflow: 'backup',
  title: 'Back up',
  steps: 2,
  resumed: false,
};
const begin: RunEvent = { type: 'step-started', step: 'store.data', title: 'Store the files', attempt: 1 };
const finished: RunEvent = { type: 'step-finished', step: 'store.data', title: 'Store the files', ms: 1500 };
const ended: RunEvent = { type: 'run-finished', run: 'r1', status: 'done', ms: 65_000 };

function progress(done: number, total?: number): RunEvent {
  const amount = total === undefined ? { done } : { done, total };
  return { type: 'step-said', step: 'store.data', message: { type: 'progress', unit: 'bytes', ...amount } };
}

function finding(subject: string, problem: string): RunEvent {
  return { type: 'step-said', step: 'store.data', message: { type: 'finding', subject, problem } };
}

function screen({ isTTY, columns = 80, color = false }: { isTTY: boolean; columns?: number; color?: boolean }) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns });
  let clock = 0;
  const render = terminalRenderer(stream, color, () => clock);
  return {
    render,
    wait: (ms: number) => {
      clock += ms;
    },
    /** What was written since it was last asked. */
    written: () => String(stream.read() ?? ''),
  };
}

describe('where nobody watches', () => {
  test('a line for each step, no colours, no control characters', () => {
    const { render, written } = screen({ isTTY: false, color: true });
    const skipped: RunEvent = { type: 'step-skipped', step: 'x', title: 'Other', reason: 'configured' };
    const failed: RunEvent = {
      type: 'step-failed',
      step: 'x',
      title: 'Third',
      error: { code: 'failed', message: 'no' },
    };
    for (const event of [started, begin, finished, skipped, failed, ended]) render(event);
    expect(written()).toBe(
      [
        'Back up (run r1)',
        'ok  Store the files (1.5 s)',
        '--  Other (skipped)',
        'failed  Third',
        'done after 1 m 5 s',
        '',
      ].join('\n'),
    );
  });

  test('progress comes every ten seconds, with speed and the time that is left', () => {
    const { render, wait, written } = screen({ isTTY: false });
    render(begin);
    render(progress(0, 100 * MiB));
    for (let second = 1; second <= 10; second += 1) {
      wait(1000);
      render(progress(second * MiB, 100 * MiB));
    }
    expect(written()).toBe(
      '  Store the files: [##......................] 10 %  10.0 MiB of 100 MiB, 1.0 MiB/s, 1 m 30 s left\n',
    );
  });
});

describe('on a terminal', () => {
  test('progress is one live line, cleared before anything else, and never wider than the screen', () => {
    const { render, wait, written } = screen({ isTTY: true, columns: 40 });
    render(begin);
    wait(50);
    render(progress(1, 100));
    expect(written()).toBe('');
    wait(100);
    render(progress(2, 100));
    const first = written();
    expect(first).toMatch(/^ {2}Store the files: \[/);
    expect(first).toHaveLength(39);
    expect(first).not.toContain('\n');
    wait(100);
    render(progress(3, 100));
    expect(written().startsWith('\u001b[2K\u001b[1G  Store the files: [')).toBe(true);
    render(finished);
    expect(written()).toBe('\u001b[2K\u001b[1Gok  Store the files (1.5 s)\n');
    render(ended);
    expect(written()).toBe('done after 1 m 5 s\n');
  });

  test('colours only where they are wanted', () => {
    const plain = screen({ isTTY: true });
    const coloured = screen({ isTTY: true, color: true });
    for (const { render } of [plain, coloured]) render(finished);
    expect(plain.written()).toBe('ok  Store the files (1.5 s)\n');
    const text = coloured.written();
    expect(text).toContain('\u001b[32mok');
    expect(stripVTControlCharacters(text)).toBe('ok  Store the files (1.5 s)\n');
  });

  test('names cannot steer it', () => {
    const { render, written } = screen({ isTTY: true });
    render(finding('/a\u001b[2J\nb', 'is\u202e odd\udcff'));
    render({ type: 'step-said', step: 'x', message: { type: 'note', text: 'a\rb' } });
    render({ type: 'step-retried', step: 'x', error: { code: 'failed', message: '\u0007' } });
    expect(written()).toBe('  ! /a\\x1b[2J\\nb: is\\u202e odd\\xff\n  a\\x0db\n  ! \\x07; trying again\n');
  });

  test('a thousand findings are not a thousand lines', () => {
    const { render, written } = screen({ isTTY: true });
    for (let count = 0; count < 1000; count += 1) render(finding(`/${count}`, 'unreadable'));
    const lines = written().split('\n');
    expect(lines).toHaveLength(22);
    expect(lines[20]).toContain('and more');
  });

  test('an unknown total has no bar, and more done than expected no more than 100 %', () => {
    const { render, wait, written } = screen({ isTTY: true });
    render(begin);
    wait(200);
    render(progress(MiB));
    expect(written()).toBe('  Store the files: 1.0 MiB, 0 B/s');
    wait(200);
    render(progress(3 * MiB, 2 * MiB));
    expect(written()).toContain(`[${'#'.repeat(24)}] 100 %`);
  });
});

test('JSON lines: each event with its time, and no secret', () => {
  const secret = new Secret('Geh31m-Wort');
  let text = '';
  const write = (line: string) => {
    text += line;
    return true;
  };
  const render = jsonLinesRenderer({ write }, () => new Date(0));
  render(started);
  render(finding('sftp://me:other-word@host/x', `${secret.reveal()}\nsecond line`));
  const lines = text.split('\n');
  expect(lines).toHaveLength(3);
  expect(JSON.parse(lines[0] ?? '')).toEqual({ at: '1970-01-01T00:00:00.000Z', ...started });
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({
    message: { subject: 'sftp://me:[redacted]@host/x', problem: '[redacted]\nsecond line' },
  });
});

describe('the log', () => {
  test('holds what its level asks for, readable by its owner alone, and no secret', async () => {
    await using directory = await temporaryDirectory();
    const levels: Record<string, string[]> = {};
    for (const level of ['debug', 'info', 'warn']) {
      const path = join(directory.path, level);
      await using log = logRenderer(path, level);
      for (const event of [started, progress(1), finding('/x', 'sftp://me:word-word@host')]) log.emit(event);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const text = readFileSync(path, 'utf8');
      expect(text).not.toContain('word-word');
      levels[level] = text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).msg);
    }
    expect(levels).toEqual({
      debug: ['run-started', 'step-said', 'step-said'],
      info: ['run-started', 'step-said'],
      warn: ['step-said'],
    });
  });

  test('on a disk that is full is given up without ending the run', async () => {
    await using log = logRenderer('/dev/full', 'trace');
    for (let count = 0; count < 3; count += 1) expect(() => log.emit(started)).not.toThrow();
  });
});

describe('rate', () => {
  const measured = (samples: readonly (readonly [number, number])[], total?: number) => {
    let clock = 0;
    const rate = new Rate(() => clock);
    for (const [at, done] of samples) {
      clock = at;
      rate.add(done, total);
    }
    return { perSecond: rate.perSecond, leftMs: rate.leftMs };
  };

  test.for([
    ['nothing is known at first', [], 100, 0, undefined],
    ['nor after one sample', [[0, 10]], 100, 0, undefined],
    [
      'nor without time in between',
      [
        [5, 10],
        [5, 20],
      ],
      100,
      0,
      undefined,
    ],
    [
      'then it is a division',
      [
        [0, 0],
        [2000, 20],
      ],
      100,
      10,
      8000,
    ],
    [
      'without a total there is no end',
      [
        [0, 0],
        [2000, 20],
      ],
      undefined,
      10,
      undefined,
    ],
    [
      'standing still has no end',
      [
        [0, 50],
        [2000, 50],
      ],
      100,
      0,
      undefined,
    ],
    [
      'beyond the total nothing is left',
      [
        [0, 0],
        [2000, 200],
      ],
      100,
      100,
      0,
    ],
    [
      'what is long ago does not count',
      [
        [0, 0],
        [1000, 1000],
        [19_000, 1000],
        [30_000, 1110],
      ],
      2110,
      10,
      100_000,
    ],
  ] as const)('%s', ([, samples, total, perSecond, leftMs]) => {
    expect(measured(samples, total)).toEqual({ perSecond, leftMs });
  });
});
