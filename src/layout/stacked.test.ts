import { expect, test } from 'vitest';
import { claimsOf, parseMappings } from './stacked.ts';

test('names and UUIDs of mappings are read, whatever a name holds', () => {
  const said = [
    '/sys/block/dm-0/dm/name:vg0-root',
    '/sys/block/dm-0/dm/uuid:LVM-abc',
    '/sys/block/dm-1/dm/name:odd:name /sys/block/dm-9/dm/name:x',
    '/sys/block/dm-1/dm/uuid:',
    '',
  ].join('\n');
  expect(parseMappings(said)).toEqual(
    new Map([
      ['dm-0', { name: 'vg0-root', uuid: 'LVM-abc' }],
      ['dm-1', { name: 'odd:name /sys/block/dm-9/dm/name:x', uuid: '' }],
    ]),
  );
  expect(() => parseMappings('grep: nonsense\n')).toThrow('not an attribute');
});

test('a kind claims contents by their type and devices by what made them', () => {
  const device = {
    number: '253:0',
    name: 'dm-0',
    path: '/dev/dm-0',
    type: 'lvm',
    parents: [],
    mapping: { name: 'vg0-root', uuid: 'LVM-abc' },
    sizeBytes: 1,
    readOnly: false,
    removable: false,
    rotational: false,
  };
  const claims = claimsOf([
    { kind: 'md', claims: ['linux_raid_member'], shared: true },
    { kind: 'lv', deviceId: ({ mapping }) => mapping?.uuid.replace('LVM-', 'lv:') },
  ]);
  expect(claims.content('linux_raid_member')).toEqual({ kind: 'md', shared: true });
  expect(claims.content('ext4')).toBeUndefined();
  expect(claims.deviceId(device, [])).toBe('lv:abc');
});
