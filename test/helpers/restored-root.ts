/**
 * A restored system in a directory, seen through the door of its rescue system as `src/finalize` does. Nothing needs root: what is run in
 * the chroot are the programs that only look at files and write them, and those in its own directory; others are noted and answered.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Argv, Host, RunOptions, RunResult } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';
import { LifeboatError } from '../../src/kernel/errors.ts';
import { temporaryDirectory } from './temporary.ts';

export const mountedAt = '/mnt/recovered';

/** What a program says; a number is the exit code with which it fails. */
export type Answer = string | number;

export interface RestoredRoot extends AsyncDisposable {
  readonly host: Host;
  /** Commands of others than look at files: of the chroot as they are, of the rescue system with `rescue` before them. */
  readonly ran: readonly string[];
  readonly has: (path: string) => boolean;
  readonly read: (path: string) => string;
}

const ofFiles = new Set('cat find stat realpath mkdir cp install dd mv sync rm mktemp chmod readlink'.split(' '));

/** @param files an empty directory ends with a slash */
export async function restoredRoot(
  files: Readonly<Record<string, string>>,
  answers: Readonly<Record<string, Answer>> = {},
): Promise<RestoredRoot> {
  const directory = await temporaryDirectory();
  const place = (path: string): string => join(directory.path, path);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(path.endsWith('/') ? place(path) : dirname(place(path)), { recursive: true });
    if (!path.endsWith('/')) writeFileSync(place(path), content);
  }
  const local = localHost();
  const ran: string[] = [];
  async function answered(argv: readonly string[], where: string, okCodes: readonly number[]): Promise<RunResult> {
    const line = `${where}${argv.join(' ')}`;
    const [key] = Object.keys(answers)
      .filter((one) => line === one || line.startsWith(`${one} `))
      .toSorted((a, b) => b.length - a.length);
    const answer = key === undefined ? '' : (answers[key] ?? '');
    ran.push(line);
    if (typeof answer === 'number' && !okCodes.includes(answer)) {
      throw new LifeboatError('command-failed', `${argv[0]} failed with exit code ${answer}`);
    }
    return {
      code: typeof answer === 'number' ? answer : 0,
      stdout: Buffer.from(typeof answer === 'string' ? answer : ''),
      stderr: '',
    };
  }
  async function onFiles(
    [program = '', ...words]: readonly string[],
    below: (word: string) => string,
    shown: string,
    options: RunOptions,
    signal: AbortSignal,
  ): Promise<RunResult> {
    const result = await local.run([program, ...words.map(below)], options, signal);
    if (program === 'cat') return result;
    return {
      ...result,
      stdout: Buffer.from(result.stdout.toString('latin1').replaceAll(directory.path, shown), 'latin1'),
    };
  }
  const host: Host = {
    name: 'local',
    async run(argv: Argv, options: RunOptions, signal: AbortSignal) {
      const [program, root, ...inner] = argv;
      if (program !== 'chroot') {
        const isBelow = argv.some((word) => word === mountedAt || word.startsWith(`${mountedAt}/`));
        if (!ofFiles.has(program) || !isBelow) return await answered(argv, 'rescue ', options.okCodes ?? [0]);
        return await onFiles(argv, (word) => word.replace(mountedAt, directory.path), mountedAt, options, signal);
      }
      if (root !== mountedAt) throw new Error(`not the restored system: ${root}`);
      const [name = '', ...words] = inner;
      const isAnswered = inner.join(' ') in answers;
      if (!ofFiles.has(name) || isAnswered) return await answered(inner, '', options.okCodes ?? [0]);
      const below = (word: string): string =>
        word.replace(/^(of=)?(\/.*)$/s, (_, key: string | undefined, path: string) =>
          path === '/dev/null' ? path : `${key ?? ''}${place(path)}`,
        );
      return await onFiles([name, ...words], below, '', options, signal);
    },
    stream() {
      throw new Error('nothing is streamed');
    },
    read: (path, options, signal) => local.read(path.replace(mountedAt, directory.path), options, signal),
    write: () => Promise.reject(new Error('nothing is written but in the restored system')),
    async [Symbol.asyncDispose]() {},
  };
  return {
    host,
    ran,
    has: (path) => existsSync(place(path)),
    read: (path) => readFileSync(place(path), 'utf8'),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}
