/** Machines made anew on disks that are not as theirs were: larger, smaller, elsewhere, fewer; and beside what stays. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recordedHost } from '../../../src/host/recorded.ts';
import { captureLayout } from '../../../src/layout/capture.ts';
import { applyPlan } from '../../../src/layout/rebuild/apply.ts';
import { isBlank } from '../../../src/layout/rebuild/blank.ts';
import type { Plan } from '../../../src/layout/rebuild/document.ts';
import { planLayout, type PlanRequest } from '../../../src/layout/rebuild/plan.ts';
import { type ComponentOf, type Kind, type Layout, parseLayout } from '../../../src/layout/types.ts';
import { ofToday } from '../../helpers/suite.ts';
import { type Lab, type LabDisk, startLab } from '../lab.ts';
import { allBlank, capture, plainly, realDisks } from '../rebuild.ts';
import { makeStack, parseDisk, readStack } from '../stack.ts';

const { signal } = new AbortController();

/** A machine as it was recorded once, so that only the disks that it is made on have to be there. */
async function recorded(name: string): Promise<Layout> {
  const file = join(import.meta.dirname, `../../fixtures/lab/${name}.debian12.json`);
  const recording: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return parseLayout(await captureLayout(recordedHost(recording), new Date('2026-11-21T12:00:00Z'), signal));
}

interface Mapping {
  readonly name: string;
  readonly from: string;
  /** `A=1G:nvme` */
  readonly to: string;
  readonly request?: Partial<PlanRequest>;
  readonly expected: (plan: Plan, lab: Lab) => void | Promise<void>;
}

const ofKind = <K extends Kind>({ layout }: Plan, kind: K): ComponentOf<K>[] =>
  layout.components.filter((one): one is ComponentOf<K> => one.kind === kind);
const fates = ({ fates: { new: all } }: Plan, fate: string) => all.filter((one) => one.fate === fate).length;
const ran = async ({ host }: Lab, script: string): Promise<string> =>
  (await host.run(['sh', '-euc', script], { timeoutMs: 300_000 }, signal)).stdout.toString().trim();
const mebibyte = 2 ** 20;

/** The header of an encrypted volume was not kept with a recording: it gets a key of its own, or is left away. */
const newKey = { rewrites: [{ rule: 'new-luks' }] };
const noKey = { rewrites: [{ rule: 'no-luks' }] };
const stack = 'raid1-lvm-luks';

const mappings: readonly Mapping[] = [
  {
    name: 'the same size',
    from: stack,
    to: 'NA=1G NB=1G:virtio',
    request: newKey,
    expected: (plan) => expect(fates(plan, 'resize')).toBe(0),
  },
  {
    name: 'larger, and grown as told',
    from: stack,
    to: 'NA=2G NB=2G:virtio',
    request: { ...noKey, grows: (one) => one.kind === 'xfs' },
    async expected(plan, lab) {
      const [xfs] = ofKind(plan, 'xfs');
      expect(xfs?.sizeBytes).toBeGreaterThan(1200 * mebibyte);
      await lab.host.run(['mount', '-o', 'nouuid', '/dev/system/data', '/mnt'], {}, signal);
      expect(Number(await ran(lab, 'df --output=size -B1 /mnt | tail -1'))).toBeGreaterThan(1150 * mebibyte);
    },
  },
  {
    name: 'a fifth smaller',
    from: stack,
    to: 'NA=820M NB=820M:virtio',
    request: noKey,
    expected: (plan) => expect(fates(plan, 'resize')).toBeGreaterThan(3),
  },
  {
    name: 'half the size, with little used',
    from: 'md-raid1',
    to: 'NA=256M NB=256M',
    async expected(plan, lab) {
      expect(ofKind(plan, 'ext')[0]?.sizeBytes).toBeLessThan(256 * mebibyte);
      await ran(lab, 'mount LABEL=root /mnt; dd if=/dev/zero of=/mnt/full bs=1M count=100 conv=fsync status=none');
    },
  },
  {
    name: 'the same disks in another order, each by its serial number',
    from: stack,
    to: 'B=1G:virtio A=1G',
    request: noKey,
    expected: (plan) =>
      expect(plan.disks.map(({ id, from, certainty }) => [id, from, certainty])).toEqual([
        ['disk:A', 'disk:A', 'same'],
        ['disk:B', 'disk:B', 'same'],
      ]),
  },
  {
    name: 'another bus: NVMe instead of SCSI, SATA instead of virtio',
    from: stack,
    to: 'NA=1G:nvme NB=1G:sata',
    request: noKey,
    expected(plan) {
      expect(plan.disks.flatMap(({ reasons }) => reasons)).not.toContain('same kind of bus');
      expect(ofKind(plan, 'ext').map(({ sizeBytes }) => sizeBytes)).toEqual([128 * mebibyte]);
    },
  },
  {
    name: 'sectors of 4096 bytes instead of 512',
    from: 'lvm-thin',
    to: 'NA=512M:scsi:4096 NB=512M:virtio:4096',
    request: { rewrites: [{ rule: 'no-thin' }, { rule: 'ext4', target: '/mnt/data' }] },
    expected: (plan) => expect(ofKind(plan, 'table')[0]?.geometry?.sectorSize).toBe(4096),
  },
  {
    name: 'a mirror on one disk',
    from: 'md-raid1',
    to: 'NA=512M',
    request: { rewrites: [{ rule: 'no-raid' }] },
    expected: async (plan, lab) => {
      expect(ofKind(plan, 'md')).toEqual([]);
      await ran(lab, 'mount LABEL=root /mnt; umount /mnt');
    },
  },
  {
    name: 'one disk as a mirror of two',
    from: 'luks2',
    to: 'NA=512M NB=512M',
    request: { rewrites: [{ rule: 'no-luks' }, { rule: 'mirror' }] },
    expected: async (plan, lab) => {
      expect(ofKind(plan, 'md')).toHaveLength(1);
      expect(await ran(lab, 'cat /proc/mdstat')).toContain('[2/2]');
    },
  },
  {
    name: 'from four disks with MBRs and BIOS to one with a GPT and UEFI',
    from: 'md-raid5-090',
    to: 'NA=2G',
    request: {
      rewrites: [
        { rule: 'one-disk', target: 'A' },
        { rule: 'uefi', target: 'A' },
      ],
    },
    expected: async (plan, lab) => {
      expect(ofKind(plan, 'boot')[0]?.firmware).toBe('uefi');
      const [esp] = ofKind(plan, 'vfat');
      const device = await ran(lab, `blkid -U ${esp?.uuid}`);
      const told = await ran(lab, `blkid -p -o export ${device}; mount ${device} /mnt; umount /mnt`);
      expect(told).toContain('PART_ENTRY_TYPE=c12a7328-f81f-11d2-ba4b-00a0c93ec93b');
      expect(told).toContain('PART_ENTRY_SCHEME=gpt');
    },
  },
  {
    name: 'a group of three disks on one',
    from: 'lvm-linear',
    to: 'NA=1G',
    request: {
      rewrites: [{ rule: 'one-disk', target: 'A' }],
      exclude: new Set(['disk:D', 'lv:q3siDk-G0na-i2MA-P2Ac-3y0i-8Bov-sagHVw']),
    },
    expected: (plan) => expect(ofKind(plan, 'pv')).toHaveLength(1),
  },
];

/** Snapshots, and volumes that have a number which the kernel of another day gives to something else. */
const leftOut = (wanted: Layout): ReadonlySet<string> =>
  new Set(
    wanted.components.flatMap((one) =>
      one.kind === 'lv' && (one.origin !== undefined || one.minor !== undefined) ? [one.id] : [],
    ),
  );

async function onOtherDisks({ from, to, request, expected }: Mapping): Promise<void> {
  const wanted = await recorded(from);
  await using lab = await startLab({ disks: to.split(' ').map(parseDisk) }, signal);
  const found = await capture(lab.host, signal);
  const plan = planLayout({ wanted, found, blank: allBlank(found), exclude: leftOut(wanted), ...request });
  expect(await applyPlan(plan, { ...plainly, given: secret, host: lab.host }, signal)).toEqual([]);
  await expected(plan, lab);
}

const secret = async (): Promise<Uint8Array> => await Promise.resolve(Buffer.from('secret'));
const hashes = async (lab: Lab, serials: readonly string[]): Promise<readonly string[]> =>
  await Promise.all(serials.map(async (serial) => await ran(lab, `sha256sum < ${lab.devices.get(serial)}`)));

async function besideOthers(): Promise<void> {
  const wanted = await recorded('md-raid1');
  const disks: readonly LabDisk[] = ['F1=512M', 'NA=512M', 'F2=512M:virtio', 'NB=512M', 'S1=512M', 'S2=1G'].map(
    parseDisk,
  );
  await using lab = await startLab({ disks }, signal);
  const [one, two] = [lab.devices.get('F1'), lab.devices.get('F2')];
  await ran(
    lab,
    `mkfs.ext4 -q -L theirs ${one}; dd if=/dev/urandom of=${two} bs=1M seek=100 count=50 conv=notrunc status=none`,
  );
  await ran(lab, 'sync; udevadm settle');
  const before = await hashes(lab, ['F1', 'F2']);
  const found = await capture(lab.host, signal);
  const blank = new Set<string>();
  for (const { id, device, sizeBytes } of realDisks(found)) {
    if (await isBlank(lab.host, device, sizeBytes, signal)) blank.add(id);
  }
  expect([...blank].sort()).toEqual(['disk:NA', 'disk:NB', 'disk:S1', 'disk:S2']);
  const plan = planLayout({ wanted, found, blank });
  expect(plan.disks.map(({ certainty }) => certainty)).toEqual(['equivalent', 'equivalent']);
  expect(plan.untouched).toHaveLength(realDisks(found).length - 2 + found.components.filter(isEmptyDrive).length);
  expect(await applyPlan(plan, { ...plainly, host: lab.host }, signal)).toEqual([]);
  await ran(lab, 'sync; for one in /dev/sd? /dev/vd?; do blockdev --flushbufs "$one"; done');
  expect(await hashes(lab, ['F1', 'F2'])).toEqual(before);
}

const isEmptyDrive = (one: Layout['components'][number]): boolean => one.kind === 'disk' && one.sizeBytes === 0;

async function besideWhatStays(): Promise<void> {
  const script = readStack(stack);
  await using lab = await startLab({ disks: script.disks }, signal);
  await makeStack(script, lab, signal);
  const wanted = await capture(lab.host, signal);
  await ran(lab, 'swapoff -a; umount /mnt/root/home /mnt/root/data /mnt/root');
  const found = await capture(lab.host, signal);
  const home = found.components.find((one) => one.kind === 'btrfs');
  const named = new Map(realDisks(found).map(({ id }) => [id, id]));
  const plan = planLayout({ wanted, found, blank: new Set(), named, keep: new Set([home?.id ?? '']) });
  expect(plan.fates.new.filter(({ fate }) => fate === 'create').length).toBeGreaterThan(3);
  expect(await applyPlan(plan, { ...plainly, given: secret, host: lab.host }, signal)).toEqual([]);
  expect(await ran(lab, 'mount /dev/system/home /mnt; cat /mnt/witness; umount /mnt')).toBe('this is /mnt/root/home');
  expect(await ran(lab, 'mount /dev/system/root /mnt; ls /mnt; umount /mnt')).toBe('lost+found');
}

const scenes = [
  ...mappings.map((mapping) => ({
    name: `${mapping.from}: ${mapping.name}`,
    run: async () => await onOtherDisks(mapping),
  })),
  { name: 'six disks, of which two are somebody else’s: not a bit of those changes', run: besideOthers },
  { name: 'one volume stays, and all else beside it is made anew', run: besideWhatStays },
];

test.each(ofToday(scenes, new Date()))('$name', { timeout: 1_800_000 }, async ({ run }) => await run());
