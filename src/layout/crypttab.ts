/** What an encrypted volume has in its component of its line in `/etc/crypttab`. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { redactText } from '../kernel/secret.ts';
import type { Probes } from './probes.ts';
import { type CrypttabEntry, crypttabFile } from './tools/crypttab.ts';
import type { BlockDevice } from './tools/lsblk.ts';

export const crypttabLineSchema = z.object({
  name: z.string(),
  /** Device, `UUID=…` or path, as it stands there. */
  spec: z.string(),
  /** Path of the key's file; `none` where somebody or something is asked. What is in it is never read. */
  key: z.string(),
  options: z.string(),
});

export function crypttabLine({ name, spec, key, options }: CrypttabEntry): z.infer<typeof crypttabLineSchema> {
  const words = options.map(([option, value]) => (value === '' ? option : `${option}=${value}`));
  return { name, spec, key: redactText(key), options: redactText(words.join(',')) };
}

/** The device that a line means. Paths that udev made, such as those by serial number, are followed on the host. */
export async function crypttabDevice(
  spec: string,
  probes: Probes,
  asker: Pick<Asker, 'ask'>,
): Promise<BlockDevice | undefined> {
  const known = probes.deviceOfSpec(spec);
  if (known !== undefined || !spec.startsWith('/dev/')) return known;
  const path = await asker.ask({
    argv: ['realpath', '--', spec],
    // A device that is not plugged in is no gap.
    okCodes: [0, 1],
    parse: (stdout) => stdout.replace(/\n$/, ''),
    subject: crypttabFile,
  });
  return probes.devices.find(({ path: own, name }) => own === path || `/dev/${name}` === path);
}
