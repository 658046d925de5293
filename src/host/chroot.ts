/** A root directory of another host, such as a restored system that has not booted yet. */
import { LifeboatError } from '../kernel/errors.ts';
import { readByCommand, writeByCommands } from './by-commands.ts';
import { checkCode } from './command.ts';
import type { Argv, Host, RunResult } from './host.ts';
import { missingToolHint } from './packages.ts';

/** The exit codes by which `chroot` itself fails: it could not enter, could not start the program, found none. */
const ownFailures = [125, 126, 127];

/**
 * Runs everything inside `root` on `base`. Nothing is mounted: what needs `/proc` or `/dev` must find it there.
 * Disposing it does not dispose `base`.
 */
export function chrootHost(base: Host, root: string): Host {
  const inside = (argv: Argv): Argv => ['chroot', root, ...argv];
  const host: Host = {
    name: base.name === 'local' ? `chroot:${root}` : `${base.name}/chroot:${root}`,
    async run(argv, options, signal) {
      const okCodes = options.okCodes ?? [0];
      const result = await base.run(inside(argv), { ...options, okCodes: [...okCodes, ...ownFailures] }, signal);
      checkOwnFailure(argv, root, result);
      checkCode(inside(argv), result, okCodes);
      return result;
    },
    stream(argv, options, signal) {
      const running = base.stream(inside(argv), options, signal);
      const finished = running.finished.then((result) => {
        checkOwnFailure(argv, root, result);
        return result;
      });
      finished.catch(() => undefined);
      return { stdout: endingWith(running.stdout, finished), finished };
    },
    read: (path, options, signal) => readByCommand(host, path, options, signal),
    write: (path, data, options, signal) => writeByCommands(host, path, data, options, signal),
    async [Symbol.asyncDispose]() {},
  };
  return host;
}

/** The same output; its reader learns of a failure too. */
async function* endingWith(stdout: AsyncIterable<Uint8Array>, finished: Promise<unknown>): AsyncGenerator<Uint8Array> {
  yield* stdout;
  await finished;
}

function checkOwnFailure(argv: Argv, root: string, { code, stderr }: Omit<RunResult, 'stdout'>): void {
  const line = stderr.trimEnd().split('\n').at(-1) ?? '';
  if (code === 125 && line.startsWith('chroot: ')) {
    throw new LifeboatError('command-failed', `cannot enter ${root}: ${line}`, {
      hint: 'It must be a directory, and chroot needs root.',
    });
  }
  if (code === 127 && /^chroot: .*: No such file or directory$/.test(line)) {
    throw new LifeboatError('tool-missing', `no such program in ${root}: ${argv[0]}`, {
      hint: missingToolHint(argv[0]),
    });
  }
}
