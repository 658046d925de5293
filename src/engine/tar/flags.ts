/** Attribute flags of files, which no archive holds: as a program beside the addon tells them, or `lsattr` on other hosts. */
import type { Argv, Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { nameFromBytes } from '../../kernel/text.ts';
import { flagsArgv } from '../../native/flags.ts';
import { flagLetters } from '../entry.ts';
import type { Chosen } from './choose.ts';
import { namesInParts } from './commands.ts';

const wanted = new RegExp(`[${flagLetters}]`);
const others = new RegExp(`[^${flagLetters}]`, 'g');

interface Asking {
  readonly argv: Argv;
  /** What closes each name that it prints. */
  readonly end: '\0' | '\n';
}

/**
 * The flags of those files and directories that have any, by path. lsattr ends names with a line, so where it is asked it is
 * not about names with line breaks; nor is anything on filesystems without flags an error.
 *
 * @throws LifeboatError `tool-missing`, …
 */
export async function findFlags(
  host: Host,
  chosen: readonly Chosen[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const flags = new Map<string, string>();
  const { argv, end } = askingOf(host);
  const asked = chosen.filter(({ path, stat }) => /^[fd]/.test(stat) && !path.includes(end));
  if (asked.length === 0) return flags;
  const running = host.stream(argv, { stdin: namesInParts(asked, ({ path }) => `/${path}`) }, signal);
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of running.stdout) {
    const bytes = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    const whole = bytes.lastIndexOf(end) + 1;
    rest = bytes.subarray(whole);
    for (const line of nameFromBytes(bytes.subarray(0, whole)).split(end)) {
      const space = line.indexOf(' /');
      const letters = line.slice(0, space);
      if (space > 0 && wanted.test(letters)) flags.set(line.slice(space + 2), letters.replace(others, ''));
    }
  }
  const { code, stderr } = await running.finished;
  // 123: some have none, or are gone.
  if (code === 0 || code === 123) return flags;
  if (code === 127) throw new LifeboatError('tool-missing', 'no such program: lsattr');
  throw new LifeboatError(
    'command-failed',
    `${argv.join(' ')} on ${host.name} failed with exit code ${code}: ${stderr}`,
  );
}

function askingOf(host: Host): Asking {
  const argv = host.name === 'local' ? flagsArgv() : undefined;
  return argv ? { argv, end: '\0' } : { argv: ['xargs', '--null', 'lsattr', '-d', '--'], end: '\n' };
}
