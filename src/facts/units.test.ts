import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asker } from '../host/asker.ts';
import { recordedHost } from '../host/recorded.ts';
import { timersOf } from './timers.ts';
import { captureUnits, parseUnitEntries, templateOf, type UnitFile, unitFilesOf } from './units.ts';

const fixtures = join(import.meta.dirname, '../../test/fixtures/systemctl');
const there = { has: (place: string) => place === 'systemd', hidden: () => false };

/** What `systemctl` calls the states that count, and in one word all that is not started by itself. */
const spoken = /^(?:enabled|enabled-runtime|masked|masked-runtime|alias|indirect|bad)$/;

/**
 * Recorded in roots of four releases, to which were added: aliases of a unit's own and others, templates with and without
 * a default instance, links to files elsewhere and to nothing, masks, an empty file, and all that until the next boot.
 */
describe.each(['debian11', 'debian12', 'debian13', 'debian-sid'])('units of %s', (release) => {
  const recording = JSON.parse(readFileSync(join(fixtures, `${release}-units.json`), 'utf8'));
  const said: string = recording.commands.find(({ argv }: { argv: string[] }) => argv[0] === 'systemctl').stdout;

  test('every state is what systemctl says', async ({ signal }) => {
    const questions = asker(recordedHost(recording), signal);
    const files = (await captureUnits(questions, there))?.files ?? [];
    const instances = files.filter(({ name }) => templateOf(name) !== undefined && !said.includes(`${name} `));
    const states = files.filter((file) => !instances.includes(file)).map(({ name, state }) => `${name} ${state}`);
    const expected = said.match(/^\S+ +\S+/gm)?.map((line) => {
      const [name, state = ''] = line.split(/ +/);
      return `${name} ${spoken.test(state) ? state : 'other'}`;
    });
    expect(states).toEqual(expected?.sort());
    expect(states).toEqual(expect.arrayContaining(['mirror.service enabled', 'fstrim.timer masked']));
    expect(instances.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'getty@tty1.service enabled',
      'poll@a.timer enabled',
      'queue@main.service enabled',
      'worker@a.service enabled',
      'worker@b.service enabled',
    ]);
    expect(questions.gaps).toEqual([]);
  });

  test('an instance of a timer is one, with its own drop-ins; a mask takes one away', async ({ signal }) => {
    const units = await captureUnits(asker(recordedHost(recording), signal), there);
    const timers = timersOf(units ?? { files: [], settings: new Map() });
    expect(timers.filter(({ name }) => name.startsWith('poll@'))).toEqual([
      { name: 'poll@.timer', schedule: ['OnCalendar=hourly'], starts: 'poll@.service', enabled: false },
      { name: 'poll@a.timer', schedule: ['OnCalendar=daily'], starts: 'poll@a.service', enabled: true },
    ]);
    expect(timers.map(({ name }) => name)).not.toContain('fstrim.timer');
  });
});

function statesOf(...entries: readonly (readonly [path: string, target?: string, type?: string])[]): UnitFile[] {
  const fields = entries.map(([path, target = '', type = 'f']) => `${path}\0${target}\0${type}\x009\0`);
  return unitFilesOf(parseUnitEntries(fields.join('')), new Map());
}

test('a link to nothing hides the file below it', () => {
  const name = 'a.service';
  const link = [`/etc/systemd/system/${name}`, `/lib/systemd/system/${name}`, 'N'] as const;
  const wants = [`/etc/systemd/system/x.target.wants/${name}`, `/lib/systemd/system/${name}`, 'N'] as const;
  expect(statesOf(link, wants, [`/usr/lib/systemd/system/${name}`])).toEqual([{ name, state: 'bad' }]);
});

test('what is masked is not enabled by a link', () => {
  expect(
    statesOf(
      ['/etc/systemd/system/getty@tty1.service', '/dev/null', 'c'],
      ['/etc/systemd/system/getty.target.wants/getty@tty1.service', '/lib/systemd/system/getty@.service'],
      ['/lib/systemd/system/getty@.service'],
    ),
  ).toEqual([
    { name: 'getty@.service', state: 'indirect' },
    { name: 'getty@tty1.service', state: 'masked' },
  ]);
});

test('links of the distribution and in directories of other kinds enable nothing', () => {
  expect(
    statesOf(
      ['/usr/lib/systemd/system/a.service'],
      ['/usr/lib/systemd/system/x.target.wants/a.service', '../a.service'],
      ['/etc/systemd/system/a.service.d/a.service', '/usr/lib/systemd/system/a.service'],
    ),
  ).toEqual([{ name: 'a.service', state: 'other' }]);
});

test.each(['', 'garbage', '/etc/systemd/system/a.service\0\0f', '/srv/a.service\0\0f\x001\0'])(
  '%j is refused',
  (text) => {
    expect(() => parseUnitEntries(text)).toThrow('not a list');
  },
);

test('2,000 units with 2,000 links are told in well under 200 ms', () => {
  const names = Array.from({ length: 2000 }, (_, index) => `unit-${index}.service`);
  const wants = '/etc/systemd/system/multi-user.target.wants';
  const paths = names.flatMap((name) => [`/lib/systemd/system/${name}\0\0f\x009\0`, `${wants}/${name}\0x\0f\x009\0`]);
  const settings = new Map(names.map((name) => [`/lib/systemd/system/${name}`, `Alias=other-${name}`]));
  const begun = process.cpuUsage();
  expect(unitFilesOf(parseUnitEntries(paths.join('')), settings)).toHaveLength(2000);
  expect(process.cpuUsage(begun).user / 1000).toBeLessThan(200);
});
