/** Attribute flags of files, which no archive holds: as `lsattr` on the host tells them. */
import { LifeboatError } from '../../kernel/errors.ts';
import { nameFromBytes } from '../../kernel/text.ts';
import type { Host } from '../../host/host.ts';
import { flagLetters } from '../entry.ts';
import type { Chosen } from './choose.ts';
import { namesOnStdin } from './commands.ts';

const wanted = new RegExp(`[${flagLetters}]`);
const others = new RegExp(`[^${flagLetters}]`, 'g');

/**
 * The flags of those files and directories that have any, by path. lsattr ends names with a line, so names with line breaks
 * are not asked for; nor is anything on filesystems without flags an error.
 *
 * @throws LifeboatError `tool-missing`, …
 */
export async function findFlags(
  host: Host,
  chosen: readonly Chosen[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const flags = new Map<string, string>();
  const asked = chosen.filter(({ path, stat }) => /^[fd]/.test(stat) && !path.includes('\n'));
  if (asked.length === 0) return flags;
  const argv = ['xargs', '--null', 'lsattr', '-d', '--'] as const;
  const stdin = namesOnStdin(asked.map(({ path }) => `/${path}`));
  const running = host.stream(argv, { stdin }, signal);
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of running.stdout) {
    const bytes = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(0x0a) + 1;
    rest = bytes.subarray(end);
    for (const line of nameFromBytes(bytes.subarray(0, end)).split('\n')) {
      const space = line.indexOf(' /');
      const letters = line.slice(0, space);
      if (space > 0 && wanted.test(letters)) flags.set(line.slice(space + 2), letters.replace(others, ''));
    }
  }
  const { code, stderr } = await running.finished;
  // 123: some have none, or are gone.
  if (code === 0 || code === 123) return flags;
  if (code === 127) throw new LifeboatError('tool-missing', 'no such program: lsattr');
  throw new LifeboatError('command-failed', `lsattr on ${host.name} failed with exit code ${code}: ${stderr.trim()}`);
}
