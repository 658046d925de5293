import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** `line code` of each mark in the file. */
function expectedErrors(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line, index) => {
      const code = /\/\/ error (TS\d+)$/.exec(line)?.[1];
      return code === undefined ? [] : [`${index + 1} ${code}`];
    });
}

test('misuse of steps and state is refused by the compiler, each at its place', () => {
  const file = join(import.meta.dirname, 'misuse/steps.ts');
  const compiler = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(import.meta.dirname, 'misuse')], {
    encoding: 'utf8',
    cwd: root,
  });
  const found = [...compiler.stdout.matchAll(/steps\.ts\((\d+),\d+\): error (TS\d+)/g)].map(
    ([, line, code]) => `${line} ${code}`,
  );
  expect(found, compiler.stdout + compiler.stderr).toEqual(expectedErrors(file));
  expect(found.length).toBeGreaterThan(8);
});
