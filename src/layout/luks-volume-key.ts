/** The key of a LUKS volume, taken out of its header by a passphrase or key file that opens it. */
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';

/** In memory, and with nobody afterwards. By the names of options that every version of cryptsetup knows. */
const script = `
umask 077
work=$(mktemp -d /run/lifeboat-key.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cryptsetup luksDump --batch-mode --dump-master-key --master-key-file "$work/key" --key-file - "$1" > /dev/null
cat "$work/key"
`;
/** A slot may be made so that guessing takes long. */
const limitMs = 5 * 60_000;

/**
 * @param device with the header, or a file that is one
 * @throws LifeboatError `usage` where the passphrase opens none of its slots; `command-failed`, `tool-missing`
 */
export async function volumeKeyOf(
  host: Host,
  device: string,
  passphrase: Uint8Array,
  signal: AbortSignal,
): Promise<Buffer> {
  const { code, stdout } = await host.run(
    ['sh', '-euc', script, 'cryptsetup', device],
    { stdin: passphrase, okCodes: [0, 2], timeoutMs: limitMs },
    signal,
  );
  if (code === 0) return stdout;
  throw new LifeboatError('usage', `what was given opens none of the slots of ${device}`, {
    hint: 'Give a passphrase or key file that does, with nothing behind it, not even the end of a line.',
  });
}
