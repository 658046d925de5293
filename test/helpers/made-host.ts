/** A host that is made of answers by program; one that is not named is not installed. */
import { expect } from 'vitest';
import type { Host } from '../../src/host/host.ts';
import { LifeboatError } from '../../src/kernel/errors.ts';
import { nameToBytes } from '../../src/kernel/text.ts';

type Answer = string | ((argv: readonly string[]) => string | Promise<string>);

export function madeHost(
  answers: Readonly<Record<string, Answer>>,
  files: Readonly<Record<string, string>> = {},
): Host {
  return {
    name: 'made',
    async run(argv) {
      const answer = answers[argv[0]];
      if (answer === undefined) throw new LifeboatError('tool-missing', `no such program: ${argv[0]}`);
      const stdout = nameToBytes(typeof answer === 'string' ? answer : await answer(argv));
      return { code: 0, stdout, stderr: '' };
    },
    stream: () => expect.unreachable(),
    read: async (path) => {
      const content = files[path];
      if (content === undefined) throw new LifeboatError('not-found', `no ${path}`);
      return nameToBytes(content);
    },
    write: () => expect.unreachable('capture writes nothing'),
    [Symbol.asyncDispose]: async () => {},
  };
}
