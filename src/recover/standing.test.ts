/** A machine that stands, in a rescue system that keeps all disks from being written to. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { recordedLayout } from '../../test/helpers/recorded-layouts.ts';
import type { Host } from '../host/host.ts';
import { recordedHost } from '../host/recorded.ts';
import { disksOf } from '../layout/rebuild/site.ts';
import { repositoryDisks } from './plan.ts';
import { assembleStanding, standingPart } from './standing.ts';

const { signal } = new AbortController();

/** As it was recorded, with each disk held; tells which of them, and of their parts, are let go of, and which volumes are opened. */
function held(name: string, devices: readonly string[]) {
  const recording: unknown = JSON.parse(
    readFileSync(join(import.meta.dirname, `../../test/fixtures/lab/${name}.json`), 'utf8'),
  );
  const recorded = recordedHost(recording);
  const written = new Set<string>();
  const opened: string[] = [];
  const answer = (argv: readonly string[]): string | undefined => {
    if (argv[0] === 'find' && argv[1] === '/run/lifeboat/held') return devices.map((path) => basename(path)).join('\n');
    // Of a disk, what is made of it.
    if (argv[0] === 'lsblk' && argv.includes('TYPE,PATH'))
      return `disk ${argv.find((word) => devices.includes(word))}\n`;
    if (argv[0] === 'blockdev') written.add(argv.at(-1) ?? '');
    if (argv[0] === 'cryptsetup' && argv[1] === 'open') {
      opened.push(argv.slice(2).join(' '));
      return '';
    }
    return ['blockdev', 'rm', 'udevadm'].includes(argv[0] ?? '') ? '' : undefined;
  };
  const host: Host = {
    ...recorded,
    run: async (argv, options, inner) => {
      const stdout = answer(argv);
      if (stdout === undefined) return await recorded.run(argv, options, inner);
      return { code: 0, stdout: Buffer.from(stdout), stderr: '' };
    },
  };
  return { host, written, opened };
}

test.each([
  ['all of it', [], 'sftp://x@y/z', ['disk:A', 'disk:B', 'disk:C']],
  ['without what is left out', ['/mnt/b'], 'sftp://x@y/z', ['disk:A', 'disk:C']],
  ['without the disk of the repository', ['/mnt/b'], 'file:///mnt/c/points', ['disk:A']],
] as const)('only disks that it stands on can be written to: %s', async (_, exclude, repository, expected) => {
  const name = 'fs-whole.debian12';
  const machine = await recordedLayout(name);
  const devices = new Map(disksOf(machine).map(({ id, device }) => [id, device]));
  const { host, written } = held(name, [...devices.values()]);
  const disks = repositoryDisks({ repositories: [] }, repository, machine);
  await assembleStanding(standingPart(machine, machine, { exclude }, disks), async () => ({}), host, signal);
  // The fourth holds nothing that is mounted.
  expect(devices.size).toBe(4);
  expect(written).toEqual(new Set(expected.map((id) => devices.get(id))));
});

test.each([
  ['by the key that is kept with the point', 'volume-key', '--master-key-file'],
  ['by its passphrase', 'key', '--key-file'],
] as const)('an encrypted volume is opened %s', async (_, what, option) => {
  const name = 'luks1.debian12';
  const machine = await recordedLayout(name);
  const uuid = '0b0f1a4e-0301-4000-8000-000000000002';
  const wanted = {
    ...machine,
    components: machine.components.map((one) =>
      one.kind === 'luks' && one.uuid === uuid
        ? { ...one, open: true, name: 'second', ...(what === 'key' ? {} : { opener: what }) }
        : one,
    ),
  };
  const { host, opened } = held(name, []);
  const asked: string[] = [];
  const open = async (names: readonly string[]) => {
    asked.push(...names);
    return { [uuid]: '/run/keys/it' };
  };
  await assembleStanding(wanted, open, host, signal);
  const { device } = disksOf(machine).find(({ id }) => id === 'disk:B') ?? {};
  expect(new Set(asked)).toEqual(new Set([`luks-${what}:${uuid}`]));
  expect(new Set(opened)).toEqual(new Set([`--type luks ${option} /run/keys/it ${device} second`]));
});
