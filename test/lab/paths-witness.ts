/** What multipath, the device mapper and open-iscsi say of paths, read without anything of `src/layout`, and the same out of a capture. */
import type { Host } from '../../src/host/host.ts';
import type { Layout } from '../../src/layout/types.ts';

interface Said {
  /** `files 1Linux… 196608 round-robin/alua: sdb active, sdc failed`. */
  readonly maps: readonly string[];
  /** `127.0.0.1:3260,1 iqn…`. */
  readonly sessions: readonly string[];
  /** `iqn… 127.0.0.1:3260 automatic CHAP`. */
  readonly records: readonly string[];
  /** `sdb by 127.0.0.1:3260`. */
  readonly attached: readonly string[];
  /** Names of filesystems and swap, once each: what several paths show is one. */
  readonly contents: readonly string[];
}

export async function pathsWitness(host: Host, signal: AbortSignal): Promise<Said> {
  const run = async (...argv: [string, ...string[]]) =>
    (await host.run(argv, { okCodes: [0, 1, 2, 6, 21], timeoutMs: 120_000 }, signal)).stdout.toString();
  // lsblk says what udev knows, which looks again at a map whenever its paths change.
  await run('udevadm', 'settle');
  const maps = (await run('multipath', '-ll')).split(/^(?=\S+ .*dm-\d+ )/m).filter((map) => map.includes('policy='));
  const sizes = await run('dmsetup', 'table', '--target', 'multipath');
  const sessions = await run('iscsiadm', '-m', 'session', '-P', '3');
  const portals = sessions.split(/(?=Current Portal: )/).slice(1);
  const records = await run('iscsiadm', '-m', 'node', '-P', '1');
  const nodes = [...records.matchAll(/^Target: (\S+)\n((?:\t.*\n)+)/gm)].flatMap(([, target = '', rest = '']) =>
    [...rest.matchAll(/Portal: (\S+),\d+/g)].map(([, portal = '']) => ({ target, portal })),
  );
  const pairs = await run('lsblk', '-nrpo', 'TYPE,FSTYPE,UUID');
  return {
    maps: maps
      .map((map) => {
        const [, name = '', wwid] = /^(\S+) (?:\((\S+)\) )?dm-/.exec(map) ?? [];
        const sectors = new RegExp(`^${name}: 0 (\\d+) multipath`, 'm').exec(sizes)?.[1];
        const policy = /policy='(\S+)/.exec(map)?.[1];
        const handler = /hwhandler='\d+ ?(\S*)'/.exec(map)?.[1] ?? '';
        const paths = [...map.matchAll(/\d+:\d+:\d+:\d+ +(\w+) +\S+ +(\w+) /g)].map(
          ([, path, state]) => `${path} ${state}`,
        );
        return `${name} ${wwid ?? name} ${sectors} ${policy}/${handler}: ${paths.sort().join(', ')}`;
      })
      .sort(),
    sessions: [...(await run('iscsiadm', '-m', 'session')).matchAll(/^tcp: \[\d+\] (\S+ \S+)/gm)]
      .map(([, session = '']) => session)
      .sort(),
    records: (
      await Promise.all(
        nodes.map(async ({ target, portal }) => {
          const record = await run('iscsiadm', '-m', 'node', '-T', target, '-p', portal);
          const value = (name: string) => new RegExp(`^${name} = (.*)$`, 'm').exec(record)?.[1];
          return `${target} ${portal} ${value('node\\.startup')} ${value('node\\.session\\.auth\\.authmethod')}`;
        }),
      )
    ).sort(),
    attached: portals
      .flatMap((one) => {
        const portal = /^Current Portal: (\S+),\d+/.exec(one)?.[1];
        return [...one.matchAll(/Attached scsi disk (\w+)/g)].map(([, disk]) => `${disk} by ${portal}`);
      })
      .sort(),
    contents: [...new Set([...pairs.matchAll(/^\S+ (?:ext4|swap) (\S+)$/gm)].map(([, uuid = '']) => uuid))].sort(),
  };
}

export function saidOfPaths({ components }: Layout): Said {
  const names = new Map(components.flatMap((one) => (one.kind === 'disk' ? [[one.id, one.device.slice(5)]] : [])));
  const sessions = components.filter((one) => one.kind === 'iscsi');
  return {
    maps: components
      .flatMap((one) => {
        if (one.kind !== 'multipath') return [];
        const paths = (one.groups ?? []).flatMap((group) =>
          group.paths.map(({ on, failed }) => `${names.get(on)} ${failed === true ? 'failed' : 'active'}`),
        );
        const { selector, hardwareHandler = '' } = one.geometry ?? {};
        return [
          `${one.alias} ${one.wwid} ${one.sizeBytes / 512} ${selector}/${hardwareHandler}: ${paths.sort().join(', ')}`,
        ];
      })
      .sort(),
    sessions: sessions
      .filter(({ connected }) => connected)
      .map(({ portal, tpgt, target }) => `${portal},${tpgt} ${target}`)
      .sort(),
    records: sessions
      .filter(({ startup }) => startup !== undefined)
      .map(
        ({ target, portal, startup, chap }) => `${target} ${portal} ${startup} ${chap === undefined ? 'None' : 'CHAP'}`,
      )
      .sort(),
    attached: components
      .flatMap((one) => {
        const session = sessions.find(({ id }) => one.on.includes(id));
        return one.kind === 'disk' && session !== undefined ? [`${one.device.slice(5)} by ${session.portal}`] : [];
      })
      .sort(),
    contents: components
      .flatMap((one) => ((one.kind === 'ext' || one.kind === 'swap') && one.uuid !== undefined ? [one.uuid] : []))
      .sort(),
  };
}
