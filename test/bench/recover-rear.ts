/** rear's backup and recovery of the same source in the same kind of machine, its questions answered the moment it asks them. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Usage } from '../../src/machine/meter.ts';
import type { Disk } from '../../src/qemu/spec.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { devicesOf, makeImages } from '../lab/lab.ts';
import { labEmulation } from '../lab/prepared.ts';
import { type RecoveryMachine, startRecovery } from '../lab/recovery.ts';
import { sourceImages } from '../lab/source/image.ts';
import { filesOfSource, type Protected } from '../lab/source/protect.ts';
import { type Difference, differences, factsOfSystem } from '../lab/source/witness.ts';
import { shutDown, startSystem, type SystemLab } from '../lab/system.ts';
import { usageSince } from '../lab/usage.ts';
import { blankFor } from '../lab/whole-recovery.ts';
import { addRear } from './rear.ts';

const GIB = 1024 ** 3;
const limits = { timeoutMs: 60 * 60_000 };

export interface PeerRun {
  readonly version: string;
  readonly backup: Usage;
  readonly recovery: Usage;
  /** How often somebody had to type something. */
  readonly answers: number;
  /** What is not as it was. */
  readonly lost: readonly Difference[];
}

/** Without this library its cryptsetup aborts, and with it the recovery: helped along here. */
const library = '/usr/lib/x86_64-linux-gnu/libgcc_s.so.1';

const settings = `OUTPUT=ISO
LIBS+=( ${library} )
BACKUP=NETFS
BACKUP_URL=usb:///dev/disk/by-label/REAR-000
ISO_DEFAULT=automatic
ISO_RECOVER_MODE=unattended
USE_SERIAL_CONSOLE=yes
KERNEL_CMDLINE="nokaslr mitigations=off no_timer_check"
`;

const tools =
  'bc binutils cpio ethtool file gawk isolinux kbd less parted psmisc syslinux-common sysvinit-utils xorriso'.split(
    ' ',
  );

/** What opens the volume: it is asked for. */
const passphrase = 'open sesame';

/** @param source the same as lifeboat has protected it, with what the checker saw before */
export async function rearRun(source: Protected, signal: AbortSignal): Promise<PeerRun> {
  await using work = await temporaryDirectory();
  const { qemu } = await labEmulation(signal);
  const [store] = await makeImages(qemu, work.path, [{ serial: 'REPO', bytes: 3 * GIB }], signal);
  if (store === undefined) throw new Error('no disk');
  const iso = join(work.path, 'rear.iso');
  const { version, backup } = await backedUp(source, store, iso, signal);

  // By a bus of its own, so that the disks of the system are the first two here too: rear goes by names.
  const peer: Protected = { ...source, files: [], repository: { ...store, bus: 'virtio' } };
  await using machine = await startRecovery(peer, { disks: blankFor(source), medium: iso }, signal);
  const over = new AbortController();
  // Before the machine is, however this ends.
  using _over = { [Symbol.dispose]: () => over.abort() };
  const answering = answered(machine, over.signal);
  await using host = await machine.recovered(signal);
  const recovery = machine.machine.usage();
  over.abort();
  const facts = await factsOfSystem(host, 'REPO', signal);
  const files = await filesOfSource({ machine: machine.machine, host, images: machine.disks }, source.kind, signal);
  const lost = differences(source.before, { facts, files });
  return { version, backup, recovery, answers: await answering, lost };
}

async function backedUp({ kind }: Protected, store: Disk, iso: string, signal: AbortSignal) {
  const images = await sourceImages(kind.layout, signal);
  const options = { images, firmware: kind.firmware, memoryMiB: 2048, cpus: 2 };
  await using lab = await startSystem({ ...options, cards: [{ network: { kind: 'user' } }] }, signal);
  const { host, machine } = lab;
  const version = await addRear(host, { settings, tools }, signal);
  await machine.addDisk(store, signal);
  const found = await devicesOf(host, ['REPO'], signal);
  // Its recovered volume has another identifier, for which the system waits, and without which it does not start: it need not, and not for long.
  const script = `
    sed -i '/ \\/secret /s/noatime/noatime,nofail,x-systemd.device-timeout=5s/' /etc/fstab
    sed -i '/^secret /s/$/,nofail,x-systemd.device-timeout=5s/' /etc/crypttab
    systemctl daemon-reload
    ldconfig
    mkfs.ext4 -q -L REAR-000 ${found.get('REPO')}
    udevadm settle`;
  await host.run(['sh', '-ec', script], limits, signal);
  const before = machine.usage();
  await host.run(['rear', '-v', 'mkbackup'], limits, signal);
  const backup = usageSince(before, machine.usage());
  await fetched(lab, '/var/lib/rear/output/rear-lifeboat-lab.iso', iso, signal);
  await shutDown(lab, signal);
  return { version, backup };
}

async function fetched({ host }: SystemLab, path: string, to: string, signal: AbortSignal): Promise<void> {
  await using file = await open(to, 'w');
  const running = host.stream(['cat', path], limits, signal);
  for await (const chunk of running.stdout) await file.write(Buffer.from(chunk));
  await running.finished;
}

/** Types the passphrase wherever one is asked for, until nobody asks any more. @returns how often */
async function answered({ machine }: RecoveryMachine, signal: AbortSignal): Promise<number> {
  let from = 0;
  for (let count = 0; ; count += 1) {
    try {
      const question = /(password|passphrase)[^\n]*: ?$/i;
      const match = await machine.serial.waitFor(question, limits.timeoutMs, signal, from);
      from += match.index + match[0].length;
      await machine.serial.type(`${passphrase}\r`, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      return count;
    }
  }
}
