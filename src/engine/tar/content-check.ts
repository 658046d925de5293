/** Whether files that look unchanged are: hashed on the host, and compared with what is stored. */
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { nameFromBytes } from '../../kernel/text.ts';
import type { Same } from './changes.ts';
import type { Chosen } from './choose.ts';
import { namesOnStdin } from './commands.ts';

/**
 * Files whose content is not what their point holds. What cannot be read is none of them: tar will say so.
 *
 * @param tell a change that left no trace in size and times is worth a word: it may be a failing disk
 */
export function contentChecker(
  host: Host,
  tell: (note: string) => void,
  signal: AbortSignal,
): (files: readonly Same[]) => Promise<ReadonlySet<Chosen>> {
  return async (files) => {
    const different = new Set<Chosen>();
    if (files.length === 0) return different;
    const wanted = new Map(files.map((file) => [`/${file.chosen.path}`, file]));
    const argv = ['xargs', '--null', 'sha256sum', '--zero', '--'] as const;
    const running = host.stream(argv, { stdin: namesOnStdin([...wanted.keys()]) }, signal);
    const unread = new Set(wanted.values());
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of running.stdout) {
      const bytes = Buffer.concat([rest, chunk]);
      const end = bytes.lastIndexOf(0) + 1;
      rest = bytes.subarray(end);
      for (const line of nameFromBytes(bytes.subarray(0, end)).split('\0')) {
        const file = wanted.get(line.slice(66));
        if (file === undefined) continue;
        unread.delete(file);
        if (line.slice(0, 64) !== file.entry.sha256) different.add(file.chosen);
      }
    }
    const { code, stderr } = await running.finished;
    if (code !== 0 && code !== 123) {
      throw new LifeboatError(
        'command-failed',
        `sha256sum on ${host.name} failed with exit code ${code}:\n  ${stderr.trim()}`,
      );
    }
    for (const { path } of different) tell(`/${path}: its content is another, though its size and times are not`);
    for (const { chosen } of unread) different.add(chosen);
    return different;
  };
}
