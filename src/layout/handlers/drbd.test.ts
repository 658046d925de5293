/** DRBD as the stack of the lab was recorded, by what its script configured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Recording, recordedHost, recordingSchema } from '../../host/recorded.ts';
import { captureLayout } from '../capture.ts';
import { layoutChanges } from '../diff.ts';
import { parseDump, parseStatus } from '../tools/drbd.ts';
import type { ComponentOf, Layout } from '../types.ts';
import { drbd } from './drbd.ts';

const { signal } = new AbortController();
const releases = ['debian11', 'debian12', 'debian13'] as const;
const canary = 'canary-of-the-shared-secret';

function recorded(release = 'debian12'): Recording {
  const file = join(import.meta.dirname, `../../../test/fixtures/lab/drbd.${release}.json`);
  return recordingSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

const captured = async (recording: Recording) =>
  await captureLayout(recordedHost(recording), new Date('2026-11-21T12:00:00Z'), signal);

function volume({ components }: Layout, name: string): ComponentOf<'drbd'> {
  const found = components.filter((one) => one.kind === 'drbd').find(({ id }) => id === `drbd:${name}`);
  if (found === undefined) throw new Error(`no volume ${name}`);
  return found;
}

describe.each(releases)('%s', (release) => {
  test('volumes with metadata beside their data and elsewhere, and what lies on them', async () => {
    const layout = await captured(recorded(release));
    const first = volume(layout, 'pair/0');
    expect(first).toMatchObject({
      on: ['disk:A'],
      role: 'Primary',
      disk: 'UpToDate',
      geometry: { minor: 1, protocol: 'C', here: 'alpha' },
    });
    expect(first.geometry?.hosts).toMatchObject([
      { host: 'alpha', address: 'ipv4 10.9.0.1:7790', metaDisk: 'internal' },
      { host: 'beta', address: 'ipv4 10.9.0.2:7790', disk: '/dev/sdx' },
    ]);
    const second = volume(layout, 'pair/1');
    expect(second.on).toEqual(['disk:B', expect.stringMatching(/^partition:/)]);
    const mounted = layout.components.filter(({ kind }) => kind === 'ext').map(({ on }) => on[0]);
    expect(new Set(mounted)).toEqual(new Set(['drbd:pair/0', 'drbd:pair/1']));
  });

  test('a secondary: nobody asks what is on it', async () => {
    const layout = await captured(recorded(release));
    const other = volume(layout, 'other/0');
    expect(other).toMatchObject({
      on: [expect.stringMatching(/^lv:/)],
      role: 'Secondary',
      geometry: { protocol: 'A' },
    });
    expect(layout.gaps.filter(({ subject }) => subject.includes('drbd'))).toEqual([]);
    const place = { mounted: false, carrying: false };
    expect(drbd.coverage(other, place)).toMatchObject({ state: 'not-covered', harmless: false });
    const peers = [{ name: 'beta', role: 'Primary' }];
    expect(drbd.coverage({ ...other, peers }, place)).toMatchObject({ state: 'not-covered', harmless: true });
  });

  test('the secret is in no document', async () => {
    const recording = recorded(release);
    expect(JSON.stringify(recording)).toContain(canary);
    const layout = await captured(recording);
    expect(JSON.stringify(layout)).not.toContain(canary);
    expect(volume(layout, 'pair/0').geometry?.config).toMatch(/shared-secret\s+"\[redacted\]";/);
  });
});

test('without drbdadm the devices are there, and nothing has changed', async () => {
  const recording = recorded();
  for (const command of recording.commands) if (command.argv[0] === 'drbdadm') command.missing = true;
  const layout = await captured(recording);
  expect(layout.gaps.find(({ problem }) => problem.includes('drbdadm'))?.hint).toContain('apt-get install drbd-utils');
  expect(layout.components.filter(({ kind }) => kind === 'drbd').length).toBeGreaterThan(0);
});

test('it is asked as a start script asks, for which drbdadm counts nobody', async () => {
  const host = recordedHost(recorded());
  const asked: unknown[] = [];
  const run: typeof host.run = async (argv, options, inner) => {
    if (argv[0] === 'drbdadm') asked.push(options.env);
    return await host.run(argv, options, inner);
  };
  await captureLayout({ ...host, run }, new Date('2026-11-21T12:00:00Z'), signal);
  expect(asked).toEqual([{ INIT_VERSION: expect.any(String) }]);
});

test('who is primary is no difference', async () => {
  const recording = recorded();
  const before = await captured(recording);
  for (const command of recording.commands) {
    if (command.argv[0] === 'drbdsetup') command.stdout = command.stdout.replaceAll('Primary', 'Secondary');
  }
  expect(layoutChanges(before, await captured(recording))).toEqual([]);
});

test('a secret on a line of its own, or with words of the configuration in it', () => {
  const config = (secret: string) =>
    `# resource r0 on a: not ignored, not stacked\n# defined at x:1\nresource r0 {\n    on a {\n        disk /dev/sda;\n        device minor 0;\n        meta-disk internal;\n    }\n    net {\n        shared-secret${secret};\n    }\n}\n`;
  for (const secret of [' "hunter2; }"', '\n        hunter2', '\t"hunter2 \\" hunter2"']) {
    const [found] = parseDump(config(secret));
    expect(JSON.stringify(found)).not.toContain('hunter2');
    expect(found?.places).toEqual([{ host: 'a', disk: '/dev/sda', metaDisk: 'internal', minor: 0 }]);
  }
});

test('passwords in the command lines of handlers', async () => {
  const recording = recorded();
  const handlers =
    'handlers {\n        split-brain "/usr/local/bin/tell --password=hunter2 https://u:hunter2@h/ root";\n    }\n}\n\n# resource pair';
  for (const command of recording.commands) {
    if (command.argv[0] === 'drbdadm') command.stdout = command.stdout.replace('}\n\n# resource pair', handlers);
  }
  const { config = '' } = volume(await captured(recording), 'other/0').geometry ?? {};
  expect(config).toContain('"/usr/local/bin/tell --password=[redacted] https://');
  expect(config).not.toContain('hunter2');
});

test('what is not understood is no configuration without resources', () => {
  expect(parseDump('# /etc/drbd.conf\nglobal {\n}\n')).toEqual([]);
  for (const text of ['', 'garbage\n', 'resource r0 {\n    on a { }\n}\n'])
    expect(() => parseDump(text)).toThrow('drbdadm');
});

test('version 9 says once what it was told of all hosts', () => {
  const host = (name: string, rest: string) => `    on ${name} {\n        node-id 0;\n${rest}    }\n`;
  const dump = (resource: string, rest = '') =>
    parseDump(
      `common {\n    net {\n        protocol B;\n    }\n}\n\n# resource r0 on a: not ignored, not stacked\n# defined at x:1\nresource r0 {\n${resource}${host('a', rest)}${host('b', '')}}\n`,
    );
  const whole = '    device /dev/drbd0 minor 0;\n    disk /dev/sda;\n    meta-disk internal;\n';
  const place = { nodeId: 0, disk: '/dev/sda', metaDisk: 'internal', device: '/dev/drbd0', minor: 0 };
  expect(dump(whole)).toMatchObject([
    {
      volume: 0,
      protocol: 'B',
      places: [
        { host: 'a', ...place },
        { host: 'b', ...place },
      ],
    },
  ]);
  const [second] = dump(
    `    volume 3 {\n    ${whole}    }\n`,
    '        volume 3 {\n            disk /dev/sdq;\n        }\n',
  );
  expect(second).toMatchObject({
    volume: 3,
    places: [
      { host: 'a', ...place, disk: '/dev/sdq' },
      { host: 'b', ...place },
    ],
  });
});

test('a resource of other hosts is none of this one', () => {
  expect(
    parseDump('# resource r0 on b: ignored, not stacked\n# defined at x:1\nresource r0 {\n    on b { }\n}\n'),
  ).toEqual([]);
});

test('connected peers, by their hosts as version 9 tells', () => {
  const status = parseStatus(
    'r0 role:Secondary\n  disk:UpToDate\n  beta role:Primary\n    peer-disk:UpToDate\n  gamma connection:Connecting\n\nr1 role:Primary\n  volume:0 disk:UpToDate\n  volume:3 disk:Diskless\n',
  );
  expect(status.get('r0')).toEqual({
    role: 'Secondary',
    disks: new Map([[0, 'UpToDate']]),
    peers: [
      { name: 'beta', role: 'Primary' },
      { name: 'gamma', connection: 'Connecting' },
    ],
  });
  expect(status.get('r1')?.disks.get(3)).toBe('Diskless');
  expect(() => parseStatus('garbage')).toThrow('not a resource');
});
