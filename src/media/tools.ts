/** The programs that make media, out of an unpacked tree: they run with the loader and the libraries that they came with. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Argv, Host, RunOptions, RunResult } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';

export interface Tools {
  /** A file of the tree. */
  readonly file: (path: string) => string;
  /** How a program of the tree is called. @throws LifeboatError `tool-missing` for one that the tree has not */
  readonly argv: (program: string, args: readonly string[]) => Promise<Argv>;
  /** @throws LifeboatError as `Host.run` does; `tool-missing` for a program that the tree has not */
  readonly run: (
    program: string,
    args: readonly string[],
    options: RunOptions,
    signal: AbortSignal,
  ) => Promise<RunResult>;
}

export function toolsIn(host: Host, tree: string): Tools {
  const libraries = join(tree, 'usr/lib/x86_64-linux-gnu');
  const argv: Tools['argv'] = async (program, args) => [
    join(libraries, 'ld-linux-x86-64.so.2'),
    // Some programs are several, by the name that they are called by.
    '--argv0',
    program,
    '--library-path',
    libraries,
    await programIn(tree, program),
    ...args,
  ];
  return {
    file: (path) => join(tree, path),
    argv,
    run: async (program, args, options, signal) => await host.run(await argv(program, args), options, signal),
  };
}

async function programIn(tree: string, program: string): Promise<string> {
  for (const directory of ['usr/bin', 'usr/sbin']) {
    const path = join(tree, directory, program);
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  throw new LifeboatError('tool-missing', `the tools for media have no ${program}`);
}
