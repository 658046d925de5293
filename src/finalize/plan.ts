/** What a restored system still needs to start on this machine, and be itself there: the one list of subjects. */
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { bootCode } from './boot-code.ts';
import { bootSettings } from './boot-settings.ts';
import { crypttab } from './crypttab.ts';
import { efiEntries } from './efi-entries.ts';
import { efiLoaders } from './efi-loaders.ts';
import { fstab } from './fstab.ts';
import { grubBios } from './grub-bios.ts';
import { grubConfig } from './grub-config.ts';
import { grubDebconf } from './grub-debconf.ts';
import { identity } from './identity.ts';
import { initramfs } from './initramfs.ts';
import { unifiedImages } from './kernel-install.ts';
import { lvmDevices } from './lvm-devices.ts';
import { mdadm } from './mdadm.ts';
import { network } from './network.ts';
import { resume } from './resume.ts';
import { sealed } from './sealed.ts';
import { selinux } from './selinux.ts';
import type { Deed, Finding, Scene } from './scene.ts';
import { askInside, type Site, siteOf, type Subject } from './site.ts';

/** In this order: what is written into files comes before what is made out of them. */
const subjects: readonly Subject[] = [
  fstab,
  crypttab,
  mdadm,
  lvmDevices,
  resume,
  bootSettings,
  network,
  identity,
  initramfs,
  unifiedImages,
  grubBios,
  bootCode,
  efiLoaders,
  efiEntries,
  grubConfig,
  grubDebconf,
  sealed,
  selinux,
];

export interface FinishPlan {
  readonly deeds: readonly Deed[];
  readonly findings: readonly Finding[];
}

/**
 * Everything that has to be done, in order, each with its reason. Reads only. On the hardware of the point that is only what lies
 * outside of files: boot sectors, variables of the firmware.
 *
 * @throws LifeboatError where the machine cannot be made to start
 */
export async function planFinish(scene: Scene, host: Host, signal: AbortSignal): Promise<FinishPlan> {
  const findings: Finding[] = [];
  const deeds: Deed[] = [];
  const site = siteOf(scene, host, findings);
  for (const subject of subjects) deeds.push(...(await subject.plan({ ...site, earlier: [...deeds] }, signal)));
  const writes = deeds.some(({ files }) => files.some(({ content }) => content !== undefined));
  if (writes) await refuseWithoutCopy({ ...site, earlier: deeds }, signal);
  return { deeds, findings };
}

/** A small system has a `cp` that cannot copy what a file has besides its content. */
async function refuseWithoutCopy(site: Site, signal: AbortSignal): Promise<void> {
  if ((await askInside(site, ['cp', '--attributes-only', '--help'], signal)) !== undefined) return;
  throw new LifeboatError(
    'tool-missing',
    'the restored system has no GNU coreutils, by which its files are written anew with all that they have',
    { hint: 'Install coreutils and findutils in a chroot of it, and go on with "lifeboat recover --from finalize".' },
  );
}
