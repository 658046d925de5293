/** The stack of ZFS: what was captured is what its own tools say. The witness reads their output by itself. */
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { captureLayout } from '../../../src/layout/capture.ts';
import { type Layout, parseLayout } from '../../../src/layout/types.ts';
import { ownCases } from '../../helpers/suite.ts';
import { startLab } from '../lab.ts';
import { makeStack, readStack } from '../stack.ts';
import { isZfsBuilt } from '../zfs.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-21T12:00:00Z');

const isReady = ownCases !== undefined || (await isZfsBuilt());
if (!isReady)
  console.log('zfs: skipped, as building its module takes six minutes of processor time: npm run test:lab does');

test.skipIf(!isReady)('pools and datasets', { timeout: 3_600_000 }, async () => {
  const stack = readStack('zfs');
  await using lab = await startLab({ release: 'debian12', disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const layout = parseLayout(await captureLayout(lab.host, now, signal));
  expect(layout.gaps.filter(({ problem }) => !problem.includes('EFI system partition'))).toEqual([]);
  expect(layout.components.filter(({ kind }) => kind === 'unknown')).toEqual([]);
  expect(JSON.stringify(layout)).not.toContain('correct horse');
  expect(saidOf(layout)).toEqual(await witnessOf(lab.host));
  // One that is not imported is told by `zpool import`, which here only looks.
  const [, id, kind] =
    /pool: away\n +id: (\d+)\n[^]*?\n\t +(\w+)-0 /.exec(await output(lab.host, 'zpool', 'import')) ?? [];
  const away = layout.components.find((one) => one.kind === 'zpool' && one.uuid === id);
  expect(away).toMatchObject({ name: 'away', state: 'not imported', geometry: { vdevs: [{ type: kind }, {}, {}] } });
  expect(away?.on).toHaveLength(2);
});

interface Said {
  pools: string[];
  /** Paths of all devices of pools that are imported. */
  devices: string[];
  datasets: Record<string, Record<string, string>>;
  /** What was set, as `dataset property value`. */
  set: string[];
  mounts: string[];
  volumes: string[];
}

function saidOf({ components }: Layout): Said {
  const paths = new Map(
    components.flatMap((one) => ('device' in one && one.device !== undefined ? [[one.id, one.device]] : [])),
  );
  const pools = components.flatMap((one) => (one.kind === 'zpool' && one.state !== 'not imported' ? [one] : []));
  const datasets = components.filter((one) => one.kind === 'zfs');
  const names = new Map(datasets.map(({ id, name }) => [id, name]));
  return {
    pools: pools.map(({ name, uuid, sizeBytes, state }) => `${name} ${uuid} ${sizeBytes} ${state}`).sort(),
    devices: pools.flatMap(({ on }) => on.map((id) => paths.get(id) ?? id)).sort(),
    datasets: Object.fromEntries(
      datasets.map(({ name, id, type, mountpoint = '-', origin = '-', keyStatus = '-', geometry }) => [
        name,
        {
          guid: id.replace(/.*\//, ''),
          type,
          mountpoint,
          origin,
          keystatus: keyStatus,
          volblocksize: geometry.made['volblocksize'] ?? '-',
          casesensitivity: geometry.made['casesensitivity'] ?? '-',
          encryption: geometry.encryption?.algorithm ?? 'off',
          encryptionroot: geometry.encryption?.root ?? '-',
          keyformat: geometry.encryption?.keyFormat ?? 'none',
        },
      ]),
    ),
    set: datasets
      .flatMap(({ name, geometry }) =>
        Object.entries(geometry.properties ?? {}).map(([key, value]) => `${name} ${key} ${value}`),
      )
      .sort(),
    mounts: components
      .flatMap((one) =>
        one.kind === 'mount' && one.fstype === 'zfs' ? [`${names.get(one.on[0] ?? '')} ${one.path}`] : [],
      )
      .sort(),
    volumes: datasets.flatMap(({ name, device }) => (device === undefined ? [] : [`${name} ${device}`])).sort(),
  };
}

async function output(host: Host, ...argv: [string, ...string[]]): Promise<string> {
  return (await host.run(argv, {}, signal)).stdout.toString();
}

async function witnessOf(host: Host): Promise<Said> {
  const lines = async (...argv: [string, ...string[]]) =>
    (await output(host, ...argv)).split('\n').filter((line) => line !== '');
  const names = await lines('zfs', 'list', '-H', '-o', 'name', '-t', 'filesystem,volume');
  const wanted =
    'guid,type,mountpoint,origin,keystatus,volblocksize,casesensitivity,encryption,encryptionroot,keyformat';
  const datasets: Said['datasets'] = {};
  const set: string[] = [];
  for (const name of names) {
    const rows = await lines('zfs', 'get', '-Hp', '-o', 'property,value', wanted, name);
    datasets[name] = Object.fromEntries(rows.map((row) => row.split('\t')));
    for (const row of await lines('zfs', 'get', '-Hp', '-o', 'property,value', '-s', 'local', 'all', name)) {
      set.push(`${name} ${row.replace('\t', ' ')}`);
    }
  }
  const devices = (await lines('zpool', 'list', '-vHP')).flatMap((row) => /^\t(\/dev\/\S+)/.exec(row)?.[1] ?? []);
  const volumes: string[] = [];
  for (const name of names.filter((one) => datasets[one]?.['type'] === 'volume')) {
    volumes.push(`${name} ${(await output(host, 'realpath', `/dev/zvol/${name}`)).trim()}`);
  }
  return {
    pools: (await lines('zpool', 'list', '-Hp', '-o', 'name,guid,size,health'))
      .map((row) => row.replaceAll('\t', ' '))
      .sort(),
    devices: devices.sort(),
    datasets,
    set: set.sort(),
    mounts: (await lines('findmnt', '-t', 'zfs', '-nro', 'SOURCE,TARGET')).sort(),
    volumes: volumes.sort(),
  };
}
