/** The rescue system was started although the machine can start by itself: the firmware is told to start that, once. */
import type { Host } from '../host/host.ts';
import { asLifeboatError } from '../kernel/errors.ts';
import { nameFromBytes } from '../kernel/text.ts';
import { efibootmgrArgv, parseEfibootmgr } from '../layout/boot/efibootmgr.ts';
import type { ComponentOf } from '../layout/types.ts';

const variables = '/sys/firmware/efi/efivars';

/**
 * @param partitions of the disks that the machine starts from
 * @returns whether the next start leads there; by BIOS nobody can say so, and the medium would come again
 */
export async function bootOn(
  partitions: readonly Pick<ComponentOf<'partition'>, 'partUuid'>[],
  host: Host,
  signal: AbortSignal,
): Promise<boolean> {
  const own = new Set(partitions.flatMap(({ partUuid }) => partUuid?.toLowerCase() ?? []));
  try {
    const { stdout } = await host.run(efibootmgrArgv, {}, signal);
    const { entries, order } = parseEfibootmgr(nameFromBytes(stdout));
    const ours = entries.filter(({ active, partUuid = '' }) => active && own.has(partUuid.toLowerCase()));
    const number = order.find((one) => ours.some((entry) => entry.number === one)) ?? ours[0]?.number;
    if (number === undefined) return false;
    await host.run(['mount', '-o', 'remount,rw', variables], { okCodes: [0, 32] }, signal);
    await host.run(['efibootmgr', '--quiet', '--bootnext', number], {}, signal);
    return true;
  } catch (error) {
    if (asLifeboatError(error).code === 'interrupted') throw error;
    return false;
  }
}
