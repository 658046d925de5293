/** What `npm run lab` says to wrong arguments; machines are started by other tests. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { localHost } from '../../src/host/local.ts';

const { signal } = new AbortController();

async function lab(...args: readonly string[]) {
  const argv = [process.execPath, join(import.meta.dirname, 'main.ts'), ...args] as const;
  const running = localHost().stream(argv, { timeoutMs: 60_000 }, signal);
  let stdout = '';
  for await (const chunk of running.stdout) stdout += Buffer.from(chunk).toString();
  return { stdout, ...(await running.finished) };
}

test.each([
  ['nothing', [], /which disks/],
  ['an option that there is not', ['--nope', 'A=1G'], /--nope/],
  ['a release that there is not', ['--release', 'debian9', 'A=1G'], /no release debian9; there are: debian11/],
  ['a size of memory that is none', ['--memory', 'much', 'A=1G'], /--memory takes a number, not much/],
  ['a stack that there is not', ['raid9'], /no stack raid9; there are: .*md-raid1/],
  ['a disk that is none', ['A=1G', 'B=1X'], /not a disk: B=1X/],
  [
    'a firmware that there is not',
    ['--system', 'debian12'],
    /no system with debian12; there are: bios, uefi, secure-boot/,
  ],
  ['a system for a stack', ['--system', 'bios', 'md-raid1'], /not a disk: md-raid1/],
  ['a disk that is there already', ['A=1G', 'A=2G'], /two disks with the serial number A/],
])('%s is refused in one line', async (_, args, said) => {
  const { code, stdout, stderr } = await lab(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(said), 'lab: see npm run lab -- --help']);
});

test('who asks for help gets it', async () => {
  const { code, stdout } = await lab('--help');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^usage: npm run lab -- [^]*md-raid1/);
});
