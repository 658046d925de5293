/** Small files that every host is asked for, by one command instead of one each. */
import { asker, type Asker } from '../host/asker.ts';
import type { Host } from '../host/host.ts';
import { parseContents } from './reading.ts';

/** Path → what `grep` said against it. */
export function refusals(stderr: string): Map<string, string> {
  return new Map(
    stderr.split('\n').flatMap((line) => {
      const [, path, why] = /^grep: (\/.*): ([^:]+)$/.exec(line) ?? [];
      return path === undefined || why === undefined ? [] : [[path, why] as const];
    }),
  );
}

/**
 * Reads `paths` and gives an asker whose `file` knows them already; a line feed that is missing at the end of one is there.
 * What the one command did not tell, and what is not understood, is asked for by itself, so that every gap is what it
 * would have been.
 */
export async function readTogether(
  host: Host,
  questions: Asker,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Asker> {
  // Its gaps are left to whoever asks for the file.
  const read = await asker(host, signal).ask({
    argv: ['grep', '-aH', '', ...paths],
    // 1 when all of them are empty, 2 when one was not there.
    okCodes: [0, 1, 2],
    parse: (stdout, stderr) => ({ contents: parseContents(stdout), refused: refusals(stderr) }),
  });
  return {
    ...questions,
    async file(path, parse, options = {}) {
      const one = async () => await questions.file(path, parse, options);
      const why = read?.refused.get(path);
      if (why === 'No such file or directory' && options.mayBeAbsent === true) return undefined;
      // Not one of so many files is empty: who says nothing at all has not read.
      if (read === undefined || read.contents.size === 0 || why !== undefined || !paths.includes(path))
        return await one();
      // Of an empty file nothing is said.
      const content = read.contents.get(path);
      try {
        return parse(content === undefined ? '' : `${content}\n`);
      } catch {
        return await one();
      }
    },
  };
}
