/** What a plan is given for encrypted volumes is looked at before anything is written: later it would be found out on disks that are half done. */
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { wrongHeader } from './builders/luks.ts';
import { markedDisk } from './mark.ts';

/** The header comes first, and the key is what is left; both are with nobody afterwards. */
const script = `
umask 077
header=$(mktemp /run/lifeboat-header.XXXXXX)
trap 'rm -f "$header"' EXIT
trap 'exit 1' HUP INT TERM
head --bytes="$1" > "$header"
cryptsetup open --test-passphrase --type luks --key-file - "$header"
`;
/** A slot may be made so that guessing takes long. */
const limitMs = 5 * 60_000;

/**
 * @param names of all that the commands of a plan are given
 * @throws LifeboatError `usage` where a header is not that of its volume, or a key does not open it; what `given` throws
 */
export async function refuseWrong(
  names: readonly string[],
  given: (name: string, signal: AbortSignal) => Promise<Uint8Array>,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  const asked = names.filter((name) => markedDisk(name) === undefined);
  const gifts = new Map<string, Uint8Array>();
  for (const name of asked) gifts.set(name, await given(name, signal));
  for (const [name, bytes] of gifts) {
    const fault = wrongHeader(name, bytes);
    if (fault !== undefined) throw refused(fault, 'Give the file that was kept with the point.');
  }
  for (const [name, key] of gifts) {
    const [, uuid] = /^luks-key:(.*)$/.exec(name) ?? [];
    const header = uuid === undefined ? undefined : gifts.get(`luks-header:${uuid}`);
    if (uuid === undefined || header === undefined) continue;
    const { code } = await host.run(
      ['sh', '-euc', script, 'cryptsetup', String(header.length)],
      { stdin: Buffer.concat([header, key]), okCodes: [0, 2], timeoutMs: limitMs },
      signal,
    );
    if (code !== 0)
      throw refused(
        `the key that was given for ${uuid} opens none of the slots in its header`,
        'Give a file with a passphrase or key that opens it, with nothing behind it, not even the end of a line.',
      );
  }
}

const refused = (why: string, hint: string): LifeboatError =>
  new LifeboatError('usage', why, { hint: `Nothing was touched. ${hint}` });
