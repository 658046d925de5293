import type { Argv } from '../../host/host.ts';

/** Attributes of the directories themselves. */
export function lsattrArgv(paths: readonly [string, ...string[]]): Argv {
  return ['lsattr', '-d', '--', ...paths];
}

/** Letters of lsattr(1) by path, without the dashes. */
export function parseLsattr(stdout: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    const [, letters, path] = /^([A-Za-z-]+) (.*)$/.exec(line) ?? [];
    if (letters === undefined || path === undefined) throw new Error(`not attributes: ${JSON.stringify(line)}`);
    found.set(path, letters.replaceAll('-', ''));
  }
  return found;
}
