/** How the ssh server of this host's rescue media is known, so that whoever logs in there can look it up in a point. */
import { hash } from 'node:crypto';
import type { Host } from '../host/host.ts';
import { asLifeboatError } from '../kernel/errors.ts';

/** @returns the fingerprint as ssh shows it; `undefined` where no medium was made yet */
export async function rescueKey(stateDir: string, host: Host, signal: AbortSignal): Promise<string | undefined> {
  try {
    const line = await host.read(`${stateDir}/rescue/ssh_host_ed25519_key.pub`, { maxBytes: 4_096 }, signal);
    return keyFingerprint(line.toString());
  } catch (error) {
    if (asLifeboatError(error).code === 'interrupted') throw error;
    return undefined;
  }
}

/** Of a line as it is in a `.pub` file. */
export function keyFingerprint(line: string): string | undefined {
  const [, blob] = /^(?:ssh|ecdsa|sk)-\S+ ([A-Za-z0-9+/=]+)/.exec(line) ?? [];
  if (blob === undefined) return undefined;
  return `SHA256:${hash('sha256', Buffer.from(blob, 'base64'), 'base64').replace(/=+$/, '')}`;
}
