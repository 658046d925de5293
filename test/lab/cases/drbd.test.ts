/** Stacks of DRBD: what was captured is what its kernel says. The witness reads that by itself. */
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { captureLayout } from '../../../src/layout/capture.ts';
import { drbd } from '../../../src/layout/handlers/drbd.ts';
import { type ComponentOf, type Layout, parseLayout } from '../../../src/layout/types.ts';
import { startLab } from '../lab.ts';
import { makeStack, parseDisk, scenes } from '../stack.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-21T12:00:00Z');
const canary = 'canary-of-the-shared-secret';

type Drbd = ComponentOf<'drbd'>;
const volumesOf = ({ components }: Layout): Drbd[] => components.filter((one) => one.kind === 'drbd');

test.each(scenes('drbd'))('$stack.name $release', { timeout: 900_000 }, async ({ release, stack }) => {
  await using lab = await startLab({ release, disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const layout = await captured(lab.host);
  expect(volumesOf(layout).map((one) => said(one, layout))).toEqual(await witnessOf(lab.host));
  // Seen on the volume, and not on the disk below it as well.
  for (const uuid of ['0b0f1a4e-0900-4000-8000-000000000001', '0b0f1a4e-0900-4000-8000-000000000002']) {
    const found = layout.components.filter((one) => one.kind === 'ext' && one.uuid === uuid);
    expect(found.map(({ on }) => on[0]?.startsWith('drbd:pair/'))).toEqual([true]);
  }
});

test('two hosts: the primary shows what is on it, the secondary that the primary has it', {
  timeout: 900_000,
}, async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'lifeboat-lab-'));
  const path = join(directory.path, 'wire');
  const disks = [parseDisk('A=96M')];
  const cards = (listens: boolean) => [{ network: { kind: 'wire', path, listens } as const }];
  await using alpha = await startLab({ disks, cards: cards(true) }, signal);
  await using beta = await startLab({ disks, cards: cards(false) }, signal);
  for (const [index, lab] of [alpha, beta].entries()) {
    await makeStack({ name: 'two hosts', disks, releases: [], script: half(index === 0) }, lab, signal);
  }
  await makeStack({ name: 'primary', disks, releases: [], script: primary }, alpha, signal);
  const [first, second] = [await captured(alpha.host), await captured(beta.host)];
  expect(volumesOf(first)).toMatchObject([{ id: 'drbd:r0/0', role: 'Primary', disk: 'UpToDate', on: ['disk:A'] }]);
  expect(first.components.find(({ kind }) => kind === 'ext')).toMatchObject({ on: ['drbd:r0/0'] });
  const [there] = volumesOf(second);
  expect(there).toMatchObject({ id: 'drbd:r0/0', role: 'Secondary', disk: 'UpToDate', on: ['disk:A'] });
  expect(there?.peers).toMatchObject([{ role: 'Primary' }]);
  expect(second.components.filter(({ on }) => on.includes('drbd:r0/0'))).toEqual([]);
  if (there === undefined) throw new Error('no volume');
  expect(drbd.coverage(there, { mounted: false, carrying: false })).toMatchObject({ harmless: true });
});

test('a host that counts itself among the users of DRBD 9 does not by being captured', {
  timeout: 900_000,
}, async () => {
  const disks = [parseDisk('A=96M')];
  await using lab = await startLab({ disks }, signal);
  await makeStack({ name: 'counted', disks, releases: [], script: counted }, lab, signal);
  const files = async () => (await lab.host.run(['ls', '/var/lib/drbd'], {}, signal)).stdout.toString().split('\n');
  const before = await files();
  expect(before).not.toContain('node_id');
  const layout = await captured(lab.host);
  expect(volumesOf(layout)).toMatchObject([{ id: 'drbd:r0/0', geometry: { here: 'alpha' } }]);
  expect(await files()).toEqual(before);
  // Any other command does.
  await lab.host.run(['drbdadm', 'dump'], {}, signal);
  expect(await files()).toContain('node_id');
});

/** The kernel's DRBD is 8.4, whose drbdadm never counts where there is no terminal: the tools are told that it is 9. */
const counted = `
set -eux
hostname alpha
sed -i 's/usage-count no/usage-count yes/' /etc/drbd.d/global_common.conf
cat >/etc/drbd.d/r0.res <<END
resource r0 {
  net { shared-secret "${canary}"; }
  device /dev/drbd0 minor 0;
  disk $A;
  meta-disk internal;
  on alpha { node-id 0; address 10.9.0.1:7789; }
  on beta { node-id 1; address 10.9.0.2:7789; }
}
END
ip link add wire type dummy
ip address add 10.9.0.1/24 dev wire
ip link set wire up
modprobe drbd
printf 'version: 9.2.1 (api:2/proto:86-121)\\nGIT-hash: 0123456789abcdef0123456789abcdef01234567 build by a@b, 2023-01-01 00:00:00\\n' >/run/version
mount --bind /run/version /proc/drbd
drbdadm create-md --force r0
mkdir -p /var/lib/drbd
rm -f /var/lib/drbd/node_id
udevadm settle
`;

const half = (isFirst: boolean): string => `
set -eux
modprobe drbd
hostname ${isFirst ? 'alpha' : 'beta'}
card=$(ls /sys/class/net | grep -v lo | head -n 1)
ip address add 10.9.0.${isFirst ? 1 : 2}/24 dev "$card"
ip link set "$card" up
cat >/etc/drbd.d/r0.res <<END
resource r0 {
  net { cram-hmac-alg sha1; shared-secret "${canary}"; }
  device /dev/drbd0 minor 0;
  disk $A;
  meta-disk internal;
  on alpha { address 10.9.0.1:7789; }
  on beta { address 10.9.0.2:7789; }
}
END
drbdadm create-md --force r0
drbdadm up r0
`;

const primary = `
set -eux
for try in $(seq 300); do drbdadm cstate r0 | grep -q Connected && break; sleep 0.2; done
drbdadm primary --force r0
mkfs.ext4 -q /dev/drbd0
for try in $(seq 600); do drbdadm dstate r0 | grep -q UpToDate/UpToDate && break; sleep 0.2; done
udevadm settle
`;

async function captured(host: Host): Promise<Layout> {
  const layout = parseLayout(await captureLayout(host, now, signal));
  expect(layout.gaps.filter(({ problem }) => !problem.includes('EFI system partition'))).toEqual([]);
  expect(JSON.stringify(layout)).not.toContain(canary);
  return layout;
}

interface Said {
  device: string | undefined;
  role: string | undefined;
  disk: string | undefined;
  protocol: string | undefined;
  sizeKiB: number;
  /** Paths of its disk and of the one with its metadata, if that is another. */
  under: string[];
}

function said({ device, role, disk, sizeBytes = 0, on, geometry }: Drbd, layout: Layout): Said {
  const paths = new Map(
    layout.components.flatMap((one) => ('device' in one && one.device !== undefined ? [[one.id, one.device]] : [])),
  );
  const under = on.map((id) => paths.get(id) ?? id);
  return { device, role, disk, protocol: geometry?.protocol, sizeKiB: sizeBytes / 1024, under };
}

/** The kernel's table of volumes, and what it was told to put them on. */
async function witnessOf(host: Host): Promise<Said[]> {
  const run = async (...argv: [string, ...string[]]) => (await host.run(argv, {}, signal)).stdout.toString();
  const table = await run('cat', '/proc/drbd');
  const shown = await run('drbdsetup', 'show');
  const found: Said[] = [];
  for (const [, minor = '', disk, metaDisk] of shown.matchAll(
    /device\s+minor (\d+);\s+disk\s+"(.+)";\s+meta-disk\s+"?([^";]+)"?;/g,
  )) {
    const row = new RegExp(`^ *${minor}: cs:\\S+ ro:(\\w+)/\\w+ ds:(\\w+)/\\w+ ([ABC]) `, 'm').exec(table);
    const under = [disk ?? '', ...(metaDisk === 'internal' ? [] : [metaDisk ?? ''])];
    found.push({
      device: `/dev/drbd${minor}`,
      role: row?.[1],
      disk: row?.[2],
      protocol: row?.[3],
      sizeKiB: Number(await run('cat', `/sys/block/drbd${minor}/size`)) / 2,
      under: under.map((path) => (path === '/dev/lower/data' ? '/dev/mapper/lower-data' : path)),
    });
  }
  return found;
}
