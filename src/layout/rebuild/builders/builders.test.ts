/** What no recorded stack shows of the builders of arrays, encrypted volumes and volumes of LVM. */
import { expect, test } from 'vitest';
import { recordedLayout } from '../../../../test/helpers/recorded-layouts.ts';
import { commandText } from '../../../plan/action.ts';
import type { Component, ComponentOf, Kind, Layout } from '../../types.ts';
import { builderOf } from '../builders.ts';
import { fitted } from '../fit.ts';
import { siteOf } from '../site.ts';
import { wrongHeader } from './luks.ts';

function first<K extends Kind>(layout: Layout, kind: K): ComponentOf<K> {
  const found = layout.components.find((one): one is ComponentOf<K> => one.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} in this layout`);
  return found;
}

/** The commands that make a component, in place of the one with its id. */
function commandsFor(component: Component, layout: Layout): string[] {
  const components = layout.components.map((one) => (one.id === component.id ? component : one));
  const deeds = builderOf(component)?.create(component, siteOf(components)) ?? [];
  return deeds.flatMap(({ commands }) => commands.map((command) => commandText(command, (id) => `<${id}>`)));
}

const withFlags = (array: ComponentOf<'md'>, ...flags: readonly (readonly string[])[]): ComponentOf<'md'> => {
  const { geometry } = array;
  if (geometry === undefined) return array;
  const members = geometry.members.map((before, index) => {
    const { flags: _, ...member } = before;
    const own = flags[member.slot ?? index] ?? [];
    return own.length === 0 ? member : { ...member, flags: [...own] };
  });
  return { ...array, geometry: { ...geometry, members } };
};

test('a flag of the last members is told when the array is made, that of others once it runs', async () => {
  const layout = await recordedLayout('md-write-behind.debian12');
  const array = first(layout, 'md');
  const [last, ...rest] = commandsFor(withFlags(array, [], ['write-mostly']), layout);
  expect(last).toMatch(/ '<disk:A>' --write-mostly '<disk:B>'$/);
  expect(rest).toEqual(['udevadm settle']);
  const [head, , flag] = commandsFor(withFlags(array, ['write-mostly'], []), layout);
  expect(head).not.toContain('--write-mostly');
  expect(flag).toMatch(/ sh writemostly '<md:[^ ]+>' '<disk:A>'$/);
  const both = commandsFor(withFlags(array, ['failfast'], ['failfast']), layout);
  expect(both[0]).toMatch(/ --failfast '<disk:A>' '<disk:B>'$/);
});

test('LUKS that is made with another key keeps its UUID and all settings; no header is asked for', async () => {
  const layout = await recordedLayout('luks2.debian12');
  const volume = first(layout, 'luks');
  const { geometry } = volume;
  if (geometry === undefined) throw new Error('no header');
  const fresh = { ...volume, renewed: true as const, geometry: { ...geometry, slots: [], tokens: [] } };
  const made = builderOf(fresh)?.create(fresh, siteOf(layout.components)) ?? [];
  expect(made.flatMap(({ commands }) => commands.map(({ stdin }) => stdin))).toEqual([
    { given: `luks-key:${volume.uuid}` },
    { given: `luks-key:${volume.uuid}` },
  ]);
  const [format] = commandsFor(fresh, layout);
  expect(format).toContain(`cryptsetup luksFormat --batch-mode --type luks2 --uuid ${volume.uuid}`);
  for (const word of [
    '--cipher aes-xts-plain64',
    '--key-size 512',
    '--hash sha512',
    '--label vault',
    '--subsystem backup',
  ])
    expect(format).toContain(word);
});

test('LUKS of which nobody could make the checksums, or that the drive encrypts, is refused', async () => {
  const layout = await recordedLayout('luks2-integrity.debian12');
  const volume = first(layout, 'luks');
  const { geometry } = volume;
  if (geometry?.integrity === undefined) throw new Error('no checksums');
  const problem = (changed: Partial<typeof geometry>) =>
    builderOf(volume)?.problem?.({ ...volume, geometry: { ...geometry, ...changed } }, siteOf(layout.components));
  expect(problem({})).toBeUndefined();
  expect(problem({ integrity: { ...geometry.integrity, type: 'aead' } })).toContain('aead');
  expect(problem({ segmentType: 'hw-opal' })).toContain('hw-opal');
});

test('a pool of VDO and what is in it are made at once, with all settings', async () => {
  const layout = await recordedLayout('lvm-vdo.debian13');
  const commands = commandsFor(first(layout, 'vg'), layout).filter((line) => line.includes(' lvcreate '));
  expect(commands).toHaveLength(1);
  expect(commands[0]).toContain(
    '--type vdo --size 6442450944b --virtualsize 21474836480b --compression n --deduplication y',
  );
  expect(commands[0]).toContain('vdo_slab_size_mb=1024');
  expect(commands[0]).toContain('vdo_bio_threads=2');
  expect(commands[0]).toContain('pool/dedup');
});

test('what lies behind a cache does so on larger disks, too, where LVM finds room', async () => {
  const layout = await recordedLayout('lvm-cache.debian12');
  const sizes = new Map(layout.components.flatMap((one) => (one.kind === 'disk' ? [[one.id, one.sizeBytes * 2]] : [])));
  const larger = fitted(layout, { sizes, grows: ({ kind }) => kind === 'ext' });
  const commands = commandsFor(first(larger, 'vg'), larger);
  for (const conversion of [
    '--type cache --cachepool cached/fast',
    '--type cache --cachevol cached/fastvol',
    '--type writecache',
  ])
    expect(commands.some((line) => line.includes(conversion))).toBe(true);
  expect(commands.some((line) => /:\d+-\d+'$/.test(line))).toBe(false);
});

test('of LUKS with its header in a file only what the kernel tells is compared; a closed one is left out', async () => {
  const layout = await recordedLayout('luks2-detached.debian12');
  const site = siteOf(layout.components);
  const volumes = layout.components.filter((one) => one.kind === 'luks');
  const [apart, opened, closed] = ['apart', 'data', 'closed'].map((name) =>
    volumes.find(({ crypttab }) => crypttab?.name === name),
  );
  if (apart === undefined || opened === undefined || closed === undefined) throw new Error('not the stack');
  const { id, kind, on, sizeBytes, open } = opened;
  const asSeen: Component = { id, kind, on, sizeBytes, open, name: 'data', device: '/dev/mapper/data' };
  const builder = builderOf(opened);
  expect(builder?.compared?.(opened, false)).toEqual(builder?.compared?.(asSeen, false));
  expect(builder?.compared?.(apart, false)).toMatchObject({ uuid: apart.uuid, geometry: apart.geometry });
  expect(volumes.filter((one) => builder?.omitted?.(one, site) !== undefined)).toEqual([closed]);
});

test('a LUKS header that is another’s, or none, is told before it is written anywhere', () => {
  const header = Buffer.alloc(4096);
  header.write('LUKS\xba\xbe', 'latin1');
  header.write('11111111-0000-4000-8000-000000000001', 168);
  expect(wrongHeader('luks-header:11111111-0000-4000-8000-000000000001', header)).toBeUndefined();
  expect(wrongHeader('luks-header:2', header)).toContain('is that of 11111111-');
  expect(wrongHeader('luks-header:2', Buffer.from('secret'))).toContain('is none');
  expect(wrongHeader('luks-key:2', Buffer.from('secret'))).toBeUndefined();
});
