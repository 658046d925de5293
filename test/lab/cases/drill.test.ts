/** `lifeboat drill` of a server that does real work: recovered in a machine that reaches nothing, booted, and looked at. */
import { createServer } from 'node:net';
import { once } from 'node:events';
import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { isRoot } from '../../helpers/cli.ts';
import { ofToday } from '../../helpers/suite.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { drillOf, evidenceOf } from '../drill.ts';
import { protectedSource } from '../source/protect.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as a medium holds what only root can read`);
const { signal } = new AbortController();

/** Looked for again and again: made the first time, and found when cron has tried. */
const cronJob = (port: number): string => `
  said=/run/cron-said
  job="(echo x > /dev/tcp/10.0.2.2/${port}) 2> $said; echo tried >> $said"
  [ -e /etc/cron.d/outside ] || printf 'SHELL=/bin/bash\\n* * * * * root %s\\n' "$job" > /etc/cron.d/outside
  grep -q tried $said`;

/** In the machine: by mail, by cron, by name, by an address that would be its own elsewhere. All of them try, and none gets anywhere. */
const tries = (port: number): readonly object[] => [
  {
    name: 'no mail gets out',
    command: ['bash', '-c', `! timeout 5 bash -c 'echo HELO x > /dev/tcp/10.0.2.2/${port}'`],
  },
  { name: 'no job of cron gets out', command: ['bash', '-c', cronJob(port)], within: '5m' },
  { name: 'no name is known', command: ['bash', '-c', '! getent hosts example.org'] },
  {
    name: 'its address is nobody else',
    command: [
      'bash',
      '-c',
      `card=$(ls /sys/class/net | grep -v lo | head -1); ip addr add 192.0.2.10/24 dev $card && ! timeout 5 bash -c 'echo x > /dev/tcp/192.0.2.1/${port}'`,
    ],
  },
];

const workChecks = [
  { name: 'web', http: 'http://127.0.0.1/' },
  { name: 'database answers', sql: 'select 1', expect: '^1$' },
  { name: 'ssh', tcp: '127.0.0.1:22' },
  { name: 'name of the host', file: '/etc/hostname', expect: '\\w' },
];

test.skipIf(!isRoot).for(ofToday([{ firmware: 'bios' }, { firmware: 'uefi' }] as const, new Date()))(
  'by $firmware',
  { timeout: 7_200_000 },
  async ({ firmware }) => {
    const source = await protectedSource({ layout: 'plain', firmware }, signal);
    await using work = await temporaryDirectory();
    let visits = 0;
    const outside = createServer((socket) => {
      visits += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(outside, 'listening');
    const { port } = z.object({ port: z.number() }).parse(outside.address());
    const settings = { drill: { memory: '2G', checks: [...workChecks, ...tries(port)] } };
    const drilled = await drillOf(source, settings, [], work.path, signal);
    outside.close();
    const { code, document, stderr } = drilled;
    expect({ code, problem: document.problem, checks: document.checks, stderr }).toMatchObject({ code: 0 });
    expect(visits).toBe(0);
    expect(document).toMatchObject({ result: 'passed', point: source.point, onRecord: true, machine: { firmware } });
    const names = document.checks.map(({ name }) => name);
    for (const name of ['proof', 'login', 'system', 'units', 'services', 'ports', 'canary', 'isolation'])
      expect(names).toContain(name);
    expect(document.seconds).toBeGreaterThan(10);
    const own = document.phases.reduce((sum, { seconds, own }) => (own === true ? sum + seconds : sum), 0);
    expect(own).toBeGreaterThan(0);

    // What is kept, and that it is what is on record.
    for (const [name, digest] of Object.entries(document.evidence))
      expect([name, hash('sha256', await evidenceOf(drilled, name))]).toEqual([name, digest]);
    expect(Object.keys(document.evidence).sort()).toEqual([
      'recovery.json',
      'recovery.log',
      'screen.png',
      'serial.log',
    ]);
    expect((await evidenceOf(drilled, 'report.html')).toString()).toContain('data:image/png;base64,');
    const shown = JSON.stringify(await drilled.ask('points', 'show', 'latest'));
    expect(shown).toContain('"how":"drill"');
    expect(shown).toContain(hash('sha256', await evidenceOf(drilled, 'report.json')));

    // Nothing that opens anything is in what is kept.
    const key = source.files.find(({ path }) => path.endsWith('/host.key'))?.content ?? '';
    const secrets = [source.code, ...(key.match(/[A-Za-z0-9+/=_-]{30,}/g) ?? [])];
    expect(secrets.length).toBeGreaterThan(1);
    for (const name of Object.keys(document.evidence)) {
      const bytes = (await evidenceOf(drilled, name)).toString('latin1');
      for (const secret of secrets) expect(bytes).not.toContain(secret);
    }
  },
);
