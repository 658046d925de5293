/** What a container has changed of its image, as docker tells. */
import type { Change } from '../model/storage.ts';

const changes: Readonly<Record<string, Change['change']>> = { A: 'added', C: 'modified', D: 'deleted' };

/**
 * Of `docker diff`: a letter and a path on each line.
 *
 * @throws Error for what is none
 */
export function parseDiff(stdout: string): Change[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, letter = '', path = ''] = /^([ACD]) (\/.*)$/.exec(line) ?? [];
      const change = changes[letter];
      if (change === undefined) throw new Error('not a list of changes');
      return { path, change };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}
