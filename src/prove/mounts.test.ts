/** What a recovered system would mount. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Break, edited, otherUuid, proven, textsOf, without } from '../../test/helpers/broken-system.ts';
import { biosSystem, ids, type MadeSystem, systemdBootSystem, uefiSystem } from '../../test/helpers/made-system.ts';

test.each<[what: string, system: () => MadeSystem, break_: Break, problem: RegExp]>([
  [
    'a UUID that is not here any more',
    biosSystem,
    {
      now: (layout) => ({
        ...layout,
        components: layout.components.map((one) => (one.kind === 'ext' ? { ...one, uuid: otherUuid } : one)),
      }),
    },
    /^\/ \(UUID=6f.*there is no such device/,
  ],
  [
    'what is not mounted',
    uefiSystem,
    { now: without('mount', (one) => 'path' in one && String(one.path).endsWith('/boot')) },
    /\/boot \(UUID=.*it is not mounted/,
  ],
  [
    'another filesystem at its place',
    uefiSystem,
    { files: edited('etc/fstab', `UUID=${ids.boot} /boot `, `UUID=${ids.esp} /boot `) },
    /what is mounted there is another/,
  ],
  [
    'another type',
    uefiSystem,
    { files: edited('etc/fstab', 'ext4 defaults', 'xfs defaults') },
    /it says xfs, and what is there is ext4/,
  ],
  [
    'another subvolume',
    uefiSystem,
    { files: edited('etc/fstab', 'subvol=@', 'subvol=@old') },
    /asks for the subvolume @old, and @ is mounted/,
  ],
  [
    'a subvolume by a number that it has not got',
    uefiSystem,
    { files: edited('etc/fstab', 'subvol=@', 'subvolid=300') },
    /the number 300, and @ has 256/,
  ],
  ['a swap that is not there', biosSystem, { now: without('swap') }, /swap \(UUID=.*there is no such device/],
  [
    'a file that is no swap',
    systemdBootSystem,
    { files: (root) => writeFileSync(join(root, 'swapfile'), Buffer.alloc(8192)) },
    /it is no swap file/,
  ],
  [
    'nothing to show at another place',
    biosSystem,
    { files: edited('etc/fstab', '$', '\n/data/www /home none bind 0 0\n') },
    /what it shows at another place is not there/,
  ],
])('%s', async (_, system, break_, problem) => {
  const { mounts } = await proven(system(), break_);
  expect(textsOf(mounts)).toContainEqual(expect.stringMatching(problem));
});

test('what the system starts without is told, what led nowhere before too, and is no fault', async () => {
  const { mounts } = await proven(uefiSystem());
  expect(mounts.findings).toEqual([]);
  expect(mounts.notes.join('\n')).toMatch(
    /\/srv\/stick \(LABEL=nowhere\): there is no such device; the system starts without it/,
  );
  expect(mounts.notes.join('\n')).toMatch(/\/srv\/nfs .*a network filesystem/);
  const unknown = await proven(biosSystem(), {
    files: edited('etc/fstab', '$', `\nUUID=${otherUuid} /srv ext4 defaults 0 0\n`),
  });
  expect(unknown.mounts.findings).toEqual([]);
  expect(unknown.mounts.notes.join('\n')).toMatch(/as it was when the point was made/);
});
