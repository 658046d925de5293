/** Keys that only the old machine's TPM gives out: on another machine somebody is asked at each start, until the new one has them. */
import { LifeboatError } from '../kernel/errors.ts';
import type { ComponentOf } from '../layout/types.ts';
import { layersOf } from './layers.ts';
import type { Site, Subject } from './site.ts';

export const sealed: Subject = {
  name: 'sealed',
  async plan(site, signal) {
    const { scene, finding } = site;
    const volumes = layersOf(scene.layout, scene.root).of('luks');
    const tied = volumes.flatMap((volume) => tiedBy(volume).map((how) => ({ volume, how })));
    const was = scene.captured.facts.dmi?.uuid?.toLowerCase();
    if (tied.length === 0 || was === undefined || was === (await machineUuid(site, signal))) return [];
    for (const { volume, how } of tied) {
      finding({
        subject: volume.crypttab?.name ?? volume.name ?? volume.id,
        problem: `its key is in the TPM of the machine that it was on: a passphrase is asked for at each start, until it is enrolled again with ${how}`,
      });
    }
    return [];
  },
};

function tiedBy({ geometry }: ComponentOf<'luks'>): string[] {
  const tokens = geometry?.tokens ?? [];
  return tokens.flatMap(({ type, settings }) => {
    if (type === 'systemd-tpm2') return ['systemd-cryptenroll'];
    return type === 'clevis' && JSON.stringify(settings).includes('tpm2') ? ['clevis'] : [];
  });
}

async function machineUuid({ host }: Site, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await host.read('/sys/class/dmi/id/product_uuid', {}, signal)).toString('utf8').trim().toLowerCase();
  } catch (error) {
    if (error instanceof LifeboatError && error.code !== 'interrupted') return undefined;
    throw error;
  }
}
