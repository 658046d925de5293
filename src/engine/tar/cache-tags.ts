/** Which files called `CACHEDIR.TAG` are what they claim to be (https://bford.info/cachedir/). */
import type { Host } from '../../host/host.ts';
import { nameFromBytes } from '../../kernel/text.ts';
import { namesOnStdin } from './commands.ts';

const signature = 'Signature: 8a477f597d28d172789f06886806bc55';

/**
 * @param paths absolute
 * @returns those that begin with the signature; what cannot be read is none
 */
export async function findCacheTags(host: Host, paths: readonly string[], signal: AbortSignal): Promise<string[]> {
  const options = ['--text', '--with-filename', '--null', '--byte-offset', '--only-matching', '--max-count=1'] as const;
  const argv = ['xargs', '--null', 'grep', ...options, '--fixed-strings', '-e', signature, '--'] as const;
  // 123: in some of them it is not.
  const { stdout } = await host.run(argv, { stdin: namesOnStdin(paths), okCodes: [0, 123] }, signal);
  const text = nameFromBytes(stdout);
  const found: string[] = [];
  // name NUL offset ":" signature newline
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\0', at);
    const colon = text.indexOf(':', end);
    if (end < 0 || colon < 0) break;
    if (text.slice(end + 1, colon) === '0') found.push(text.slice(at, end));
    at = colon + 1 + signature.length + 1;
  }
  return found;
}
