/** By which firmware this system was started. */
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';

const secureBoot = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

/** `secure`: by UEFI that starts only what is signed. */
export async function startedBy(host: Host, signal: AbortSignal): Promise<'bios' | 'uefi' | 'secure'> {
  const { code } = await host.run(['test', '-d', '/sys/firmware/efi'], { okCodes: [0, 1] }, signal);
  if (code === 1) return 'bios';
  try {
    // Four bytes of attributes come before what is said.
    return (await host.read(secureBoot, {}, signal))[4] === 1 ? 'secure' : 'uefi';
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'not-found') return 'uefi';
    throw error;
  }
}
