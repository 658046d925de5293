/** Whichever question fails: what was not seen is a gap, and no change. */
import { describe, expect, test } from 'vitest';
import { factsMachine, machine, releases } from '../../test/helpers/machines.ts';
import type { Host } from '../host/host.ts';
import { recordedHost, type Recording } from '../host/recorded.ts';
import { captureFacts } from './capture.ts';
import { factsChanges } from './diff.ts';
import type { Facts } from './types.ts';

const now = new Date('2026-11-20T12:00:00Z');
type Command = Recording['commands'][number];

/** The recording, of which only what the facts ask is left. */
async function asked(recording: Recording, signal: AbortSignal): Promise<string[]> {
  const host = recordedHost(recording);
  const questions = new Set<string>();
  const noting: Host = {
    ...host,
    async run(argv, options, inner) {
      questions.add(JSON.stringify(argv));
      return await host.run(argv, options, inner);
    },
  };
  await captureFacts(noting, now, signal);
  return [...questions];
}

const keyOf = ({ argv }: Command): string => JSON.stringify(argv);

function broken(recording: Recording, isBroken: (command: Command) => boolean, answer: Partial<Command>): Recording {
  const commands = recording.commands.map((command) =>
    isBroken(command) ? { ...command, code: 1, stdout: '', stderr: '', ...answer } : command,
  );
  return { ...recording, commands };
}

const capture = (recording: Recording, signal: AbortSignal): Promise<Facts> =>
  captureFacts(recordedHost(recording), now, signal);

/** What may print nothing on a host that is well, and why. */
const silent: readonly (readonly [question: RegExp, reason: string])[] = [
  [/"-aHsE"/, 'nothing listens, no container and no guest runs: grep -s says so by 1, and says no more'],
  [/authorized_keys/, 'the directories are there, and no key is in them'],
  [/"\/etc\/rc2\.d"/, 'beside systemd, no old script is left'],
];

const whys = [
  ['fails without a word', { code: 1 }, false],
  ['prints nothing', { code: 0 }, true],
  ['complains', { code: 1, stderr: 'x: cannot execute: Input/output error\n' }, false],
] as const;

describe.each(releases)('%s', (release) => {
  const recording = machine(release);

  test.each(whys)('each question in turn %s', async (_how, answer, mayBeSilent) => {
    const { signal } = new AbortController();
    const whole = await capture(recording, signal);
    const wrong: unknown[] = [];
    for (const key of await asked(recording, signal)) {
      const part = await capture(
        broken(recording, (command) => keyOf(command) === key, answer),
        signal,
      );
      const changes = [...factsChanges(whole, part), ...factsChanges(part, whole)].map(({ text }) => text);
      if (changes.length > 0) wrong.push([key, ...changes]);
      const fresh = part.gaps.filter(({ subject }) => !whole.gaps.some((gap) => gap.subject === subject));
      // With -s, grep says what went wrong by its exit status alone.
      const allowed = silent.some(([question]) => question.test(key)) && (mayBeSilent || key.includes('-aHsE'));
      if (fresh.length === 0 && !allowed) wrong.push(['no gap', key]);
    }
    expect(wrong).toEqual([]);
  });

  test.each([{ code: 1 }, { code: 0 }])('all questions at once: %j', async (answer) => {
    const { signal } = new AbortController();
    const whole = await capture(recording, signal);
    const none = await capture({ ...broken(recording, () => true, answer), files: {} }, signal);
    expect(factsChanges(whole, none)).toEqual([]);
    expect(factsChanges(none, whole)).toEqual([]);
    const problems = none.gaps.map(({ problem }) => problem).join('\n');
    expect(none.gaps.map(({ subject }) => subject)).toEqual(expect.arrayContaining(['places', 'cron', 'uname']));
    expect(problems).not.toMatch(/not mounted|no package manager|no systemd/);
    expect(none.kernels).toBeUndefined();
    expect(none.cgroup).toBeUndefined();
  });
});

test('an answer of which only the beginning came', async ({ signal }) => {
  const recording = machine('debian12');
  const whole = await capture(recording, signal);
  const part = await capture(
    {
      ...recording,
      commands: recording.commands.map((command) =>
        command.argv[0] === 'ls' && command.argv[1] === '-d'
          ? { ...command, stdout: `${command.stdout.split('\n')[0]}\n`, stderr: '' }
          : command,
      ),
    },
    signal,
  );
  expect(part.gaps.map(({ subject }) => subject)).toContain('places');
  expect([...factsChanges(whole, part), ...factsChanges(part, whole)]).toEqual([]);
});

test('what a broken disk keeps back is a gap beside what was read', async ({ signal }) => {
  const recording = machine('debian12');
  const part = await capture(
    {
      ...recording,
      commands: recording.commands.map((command) =>
        command.argv.includes('/etc/crontab')
          ? { ...command, stderr: 'grep: /etc/cron.d/mdadm: Input/output error\n' }
          : command,
      ),
    },
    signal,
  );
  expect(part.cron).not.toEqual([]);
  expect(part.gaps).toContainEqual({ subject: 'cron', problem: 'grep: /etc/cron.d/mdadm: Input/output error' });
});

test('the rule of a time zone is not compared with the name of one', async ({ signal }) => {
  const facts = await capture(machine('debian12'), signal);
  const [named, ruled] = [
    { ...facts, timeZone: 'Europe/Berlin' },
    { ...facts, timeZone: 'CET-1CEST,M3.5.0,M10.5.0/3' },
  ];
  expect(factsChanges(named, ruled)).toEqual([]);
  expect(factsChanges(named, { ...facts, timeZone: 'Etc/UTC' })).toHaveLength(1);
});

test.each([
  ['without a word', { code: 1 }],
  ['with a complaint', { code: 1, stderr: 'x: cannot execute: Input/output error\n' }],
])('containers, services and keys: what fails %s is no change', async (_how, answer) => {
  const { signal } = new AbortController();
  // A machine with containers and keys.
  const recording = factsMachine('debian12-services');
  const whole = await capture(recording, signal);
  const wrong: unknown[] = [];
  for (const one of recording.commands.filter(({ argv }) => !argv.includes('-aHsE'))) {
    const part = await capture(
      broken(recording, (command) => command === one, answer),
      signal,
    );
    const changes = [...factsChanges(whole, part), ...factsChanges(part, whole)].map(({ text }) => text);
    if (changes.length > 0 || part.gaps.length === 0) wrong.push([keyOf(one), ...changes]);
  }
  expect(wrong).toEqual([]);
});
