/** Captures in which one question, or every one, is not answered: what was not seen is no change, and is named. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Host } from '../../src/host/host.ts';
import { recordedHost, type Recording, recordingSchema } from '../../src/host/recorded.ts';
import { nameToBytes } from '../../src/kernel/text.ts';
import { captureNetwork } from '../../src/network/capture.ts';
import { networkChanges } from '../../src/network/diff.ts';
import { isOnTheFly } from '../../src/network/on-the-fly.ts';
import type { Network } from '../../src/network/types.ts';
import { machine, releases } from '../helpers/machines.ts';

const now = new Date('2026-11-20T12:00:00Z');
const capture = (recording: Recording): Promise<Network> =>
  captureNetwork(hostOf(recording), now, new AbortController().signal);

/** Who does not see the links asks for fewer files than were recorded: of these, what was recorded. */
function hostOf(recording: Recording): Host {
  const host = recordedHost(recording);
  const recorded = new Set(recording.commands.map(({ argv }) => argv.join(' ')));
  const lines = recording.commands
    .filter(({ argv }) => argv[0] === 'grep')
    .flatMap(({ stdout }) => stdout.split(/(?<=\n)/));
  return {
    ...host,
    async run(argv, options, signal) {
      if (argv[0] !== 'grep' || recorded.has(argv.join(' '))) return await host.run(argv, options, signal);
      const paths = new Set(argv);
      const stdout = lines.filter((line) => paths.has(line.split('\0', 1)[0] ?? '')).join('');
      return { code: 2, stdout: nameToBytes(stdout), stderr: '' };
    },
  };
}

/** Machines, and one with a card and one with many kinds of links. */
const recordings = [...releases, 'debian12-plain', 'debian12-kinds'] as const;

function recorded(name: (typeof recordings)[number]): Recording {
  const release = releases.find((known) => known === name);
  if (release !== undefined) return machine(release);
  const file = join(import.meta.dirname, `../fixtures/ip/${name}.json`);
  return recordingSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

/** The questions and files of a recording that the network asks for. */
async function asked(recording: Recording): Promise<{ commands: readonly string[]; files: readonly string[] }> {
  const commands = new Set<string>();
  const files = new Set<string>();
  const host = recordedHost(recording);
  await captureNetwork(
    {
      ...host,
      run: (argv, options, signal) => {
        commands.add(argv.join(' '));
        return host.run(argv, options, signal);
      },
      read: (path, options, signal) => {
        files.add(path);
        return host.read(path, options, signal);
      },
    },
    now,
    new AbortController().signal,
  );
  const recorded = new Set(recording.commands.map(({ argv }) => argv.join(' ')));
  return { commands: [...commands].filter((command) => recorded.has(command)), files: [...files] };
}

const broken = (recording: Recording, code: number, which: (command: string) => boolean): Recording => ({
  ...recording,
  commands: recording.commands.map((command) =>
    which(command.argv.join(' ')) ? { ...command, code, stdout: '', stderr: '' } : command,
  ),
});

function expectBlind(whole: Network, blind: Network, what: string): void {
  expect(networkChanges(whole, blind), what).toEqual([]);
  expect(networkChanges(blind, whole), what).toEqual([]);
}

/** Questions that may fail without a gap, and why. */
const quiet: readonly (readonly [RegExp, string])[] = [
  [/^test -d /, 'its code is the answer: systemd does not run there'],
];

/** Questions with an answer that may well be empty, and why. */
const mayBeEmpty: readonly (readonly [RegExp, string])[] = [
  [/^ip -j neigh /, 'most hosts have no static neighbours'],
  [/^ip -j netns /, 'most hosts have no other namespaces'],
  [/^nft /, 'a host without rules'],
];
const isOf = (list: readonly (readonly [RegExp, string])[], command: string) =>
  list.some(([form]) => form.test(command));

/** With other words in an answer. */
const answering = (recording: Recording, command: string, answer: (stdout: string) => string): Recording => ({
  ...recording,
  commands: recording.commands.map((found) =>
    found.argv.join(' ') === command ? { ...found, stdout: answer(found.stdout) } : found,
  ),
});

describe.each(recordings)('%s', (release) => {
  test('each question fails in turn', async () => {
    const recording = recorded(release);
    const whole = await capture(recording);
    expect(whole.gaps).toEqual([]);
    const { commands } = await asked(recording);
    expect(commands.length).toBeGreaterThan(10);
    for (const command of commands) {
      const blind = await capture(broken(recording, 1, (other) => other === command));
      expectBlind(whole, blind, command);
      if (!isOf(quiet, command)) expect(blind.gaps, command).not.toEqual([]);
    }
  });

  test('each question is answered with nothing in turn', async () => {
    const recording = recorded(release);
    const whole = await capture(recording);
    for (const command of (await asked(recording)).commands) {
      if (isOf(mayBeEmpty, command)) continue;
      const blind = await capture(broken(recording, 0, (other) => other === command));
      expectBlind(whole, blind, command);
      if (!isOf(quiet, command)) expect(blind.gaps, command).not.toEqual([]);
    }
  });

  test('each file cannot be read in turn', async () => {
    const recording = recorded(release);
    const whole = await capture(recording);
    for (const path of (await asked(recording)).files) {
      const files = Object.fromEntries(Object.entries(recording.files).filter(([other]) => other !== path));
      const blind = await capture({ ...recording, files });
      expectBlind(whole, blind, path);
      expect(blind.gaps, path).not.toEqual([]);
    }
  });

  test.each([0, 1])('none is answered, with code %i', async (code) => {
    const recording = recorded(release);
    expectBlind(await capture(recording), await capture({ ...broken(recording, code, () => true), files: {} }), 'all');
  });

  test('ip says nothing of anything, and the rest does', async () => {
    const recording = recorded(release);
    for (const code of [0, 1]) {
      const blind = await capture(broken(recording, code, (command) => command.startsWith('ip ')));
      const told = networkChanges(await capture(recording), blind);
      expect(told).toEqual([]);
    }
  });

  test('each lasting link that is switched is a change', async () => {
    const whole = await capture(recorded(release));
    const lasting = whole.links.filter((link) => !isOnTheFly(link));
    const links = whole.links.map((link) => ({ ...link, enabled: link.enabled !== true }));
    const told = networkChanges(whole, { ...whole, links });
    expect(told.map(({ subject, attribute }) => [subject, attribute])).toEqual(
      lasting.map(({ name }) => [`link ${name}`, 'enabled']),
    );
  });
});

describe('an answer of ip that says nothing', () => {
  const links = 'ip -j -d addr show';
  const without = (family: 'inet' | 'inet6') => (stdout: string) =>
    JSON.stringify(
      JSON.parse(stdout).map((link: { addr_info: { family?: string }[] }) => ({
        ...link,
        addr_info: link.addr_info.filter((address) => address.family !== family),
      })),
    );
  const subjectsOf = async (recording: Recording) => (await capture(recording)).gaps.map(({ subject }) => subject);

  test.each(['', '[]\n', '[ ]'])('%j cannot be where there are addresses', async (nothing) => {
    for (const [family, name] of [
      ['-4', 'IPv4'],
      ['-6', 'IPv6'],
    ]) {
      const routes = answering(machine('debian12'), `ip -j ${family} route show table all`, () => nothing);
      expect(await subjectsOf(routes)).toEqual([`${name} routes`]);
      const rules = answering(machine('debian12'), `ip -j ${family} rule show`, () => nothing);
      expect(await subjectsOf(rules)).toEqual([`${name} rules`]);
    }
    expect(await subjectsOf(answering(machine('debian12'), links, () => nothing))).toEqual([
      'links and addresses',
      'network namespaces',
      'static neighbours',
    ]);
  });

  test.each(['', '[]'])('%j is right of IPv6 where it is switched off', async (nothing) => {
    let recording = answering(machine('debian12'), links, without('inet6'));
    for (const what of ['route show table all', 'rule show']) {
      recording = answering(recording, `ip -j -6 ${what}`, () => nothing);
    }
    expect(await subjectsOf(recording)).toEqual([]);
  });

  test('is right of routes of IPv4 where no link has an address, and not of rules', async () => {
    let recording = answering(machine('debian12'), links, without('inet'));
    recording = answering(recording, 'ip -j -4 route show table all', () => '');
    expect(await subjectsOf(recording)).toEqual([]);
    recording = answering(recording, 'ip -j -4 rule show', () => '');
    expect(await subjectsOf(recording)).toEqual(['IPv4 rules']);
  });

  test('the sysfs of another network namespace', async () => {
    const recording = machine('debian12');
    const places = recording.commands.find(({ argv }) => argv.includes('/sys/class/net'));
    const other = '../../devices/virtual/net/lo';
    const strange = answering(recording, places?.argv.join(' ') ?? '', () => `lo\0${other}\0`);
    expect((await capture(strange)).gaps).toContainEqual(
      expect.objectContaining({
        subject: 'drivers and places of links',
        problem: '/sys/class/net shows none of the links',
      }),
    );
    expectBlind(await capture(recording), await capture(strange), 'sysfs');
  });
});
