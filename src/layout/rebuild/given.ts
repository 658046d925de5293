/** What a plan is given for encrypted volumes is looked at before anything is written: later it would be found out on disks that are half done. */
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { wrongHeader } from './builders/luks.ts';
import { markedDisk } from './mark.ts';

/** The header comes first, and the key is what is left; both are with nobody afterwards. A key that is too short is answered with 1. */
const script = `
umask 077
header=$(mktemp /run/lifeboat-header.XXXXXX)
key=$(mktemp /run/lifeboat-key.XXXXXX)
trap 'rm -f "$header" "$key"' EXIT
trap 'exit 1' HUP INT TERM
head --bytes="$1" > "$header"
cat > "$key"
cryptsetup open --test-passphrase --type luks "$2" "$key" "$header"
`;
/** The option of cryptsetup, and what such a key is. */
const ways = {
  key: [
    '--key-file',
    'opens none of the slots in its header',
    'a passphrase or key that opens it, with nothing behind it, not even the end of a line',
  ],
  'volume-key': [
    '--master-key-file',
    'is not that of its header',
    'the key of that volume, as it was when the header was kept',
  ],
} as const;
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
    const [, what, uuid] = /^luks-(key|volume-key):(.*)$/.exec(name) ?? [];
    const header = uuid === undefined ? undefined : gifts.get(`luks-header:${uuid}`);
    if (header === undefined) continue;
    const bySlot = what === 'key';
    const [option, fault, wanted] = ways[bySlot ? 'key' : 'volume-key'];
    const { code } = await host.run(
      ['sh', '-euc', script, 'cryptsetup', String(header.length), option],
      { stdin: Buffer.concat([header, key]), okCodes: bySlot ? [0, 2] : [0, 1, 2], timeoutMs: limitMs },
      signal,
    );
    if (code !== 0) throw refused(`the key that was given for ${uuid} ${fault}`, `Give a file with ${wanted}.`);
  }
}

const refused = (why: string, hint: string): LifeboatError =>
  new LifeboatError('usage', why, { hint: `Nothing was touched. ${hint}` });
