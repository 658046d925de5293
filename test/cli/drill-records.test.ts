/** What is on record of recoveries and drills, as a person and a program see it. */
import { appendFileSync, existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readHostKey } from '../../src/keys/host-key.ts';
import { keyringOfHostKey, keyringOfRecoveryCode } from '../../src/keys/ring.ts';
import { parseRecoveryCode } from '../../src/keys/recovery-code.ts';
import { putRecovered } from '../../src/point/attestations.ts';
import { keepBack } from '../../src/point/kept.ts';
import type { Recovered } from '../../src/point/point.ts';
import { openFileTarget } from '../../src/target/file/file.ts';
import { backedUp, pointsOf } from '../helpers/cli.ts';
import { type KeyedSandbox, provenSandbox } from '../helpers/keyed.ts';
import { madeRecovered } from '../helpers/points.ts';

const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();

async function box(): Promise<{ readonly at: KeyedSandbox; readonly point: string } & AsyncDisposable> {
  const at = await backedUp(await provenSandbox());
  return { at, point: pointsOf(at).listed[0] ?? '', [Symbol.asyncDispose]: () => at[Symbol.asyncDispose]() };
}

async function attest(at: KeyedSandbox, recovered: Recovered): Promise<void> {
  const { signal } = new AbortController();
  await using target = await openFileTarget(at.repository, {}, signal);
  await putRecovered({ target, keys: keyringOfHostKey(readHostKey(at.keyFile)) }, 'box', recovered, signal);
}

test('list, show and status tell of a drill that passed, and of one that failed', async () => {
  await using made = await box();
  const { at, point } = made;
  appendFileSync(at.config, 'rto: 10m\ndrill: { every: 7d }\n');
  const before = await at.ask('status');
  expect(before.json).toMatchObject({ lastDrill: null, drill: { met: false }, rto: { met: false } });
  const overdue = [
    'drill: none has passed, and the target is 7d',
    'rto: nobody has measured how long a recovery takes',
  ];
  const findings = (json: object) => JSON.stringify(Object.entries(json).find(([key]) => key === 'findings')?.[1]);
  for (const text of overdue) expect(findings(before.json)).toContain(text.split(': ')[1]);

  const proof = { entries: 9, files: 7, bytes: 5000, wrong: 0, graph: 0, boot: 0, mounts: 0 };
  const checks = [{ name: 'login prompt', passed: true, detail: 'it came after 41 s' }];
  await attest(at, madeRecovered(point, { at: ago(3), proof, checks }));
  const good = await at.ask('status');
  expect(findings(good.json)).not.toMatch(/"(drill|rto)"/);
  expect(good.json).toMatchObject({
    lastDrill: { point, result: 'passed', rtoSeconds: 252, rpoSeconds: 7200 },
    drill: { met: true },
    rto: { met: true },
  });
  expect((await at.run('points', 'list')).stdout).toMatch(/recovered, proven \(.*\) +passed, RTO 4 m 12 s \(/);
  const list = await at.ask('points', 'list');
  expect(list.json).toMatchObject({ points: [{ trust: 'recovered', lastDrill: { how: 'drill', rtoSeconds: 252 } }] });
  const shown = (await at.run('points', 'show', point)).stdout;
  for (const text of [
    /^Drill$/m,
    /RTO +4 m 12 s \(start 30 s, restore 3 m 20 s\)/,
    /9 entries compared, 7 files read back/,
    /login prompt: it came after 41 s/,
  ])
    expect(shown).toMatch(text);

  await attest(at, madeRecovered(point, { at: ago(1), result: 'failed', problem: 'no login came' }));
  const bad = await at.ask('status');
  expect(bad.code).toBe(4);
  expect(findings(bad.json)).toContain(`the last one, of the point ${point}, failed: no login came`);
  expect((await at.run('status')).stdout).toMatch(/last drill +FAILED.*\n *last that passed +passed/);
  expect((await at.run('points', 'list')).stdout).toMatch(/read back, right.* +FAILED \(/);
});

test('the first backup of a recovered machine brings the result that could not be put on record', async () => {
  await using made = await box();
  const { at, point } = made;
  // In the rescue system there was nothing but the code, and what the repository keeps for it.
  const { recipients } = keyringOfHostKey(readHostKey(at.keyFile));
  const keys = { ...keyringOfRecoveryCode(parseRecoveryCode(at.code)), recipients };
  const path = await keepBack(at.state, { keys }, 'box', madeRecovered(point, { at: ago(1), how: 'recover' }));
  expect((await at.ask('points', 'list')).json).toMatchObject({ points: [{ trust: 'read-back' }] });
  const backup = await at.run('backup', '--full');
  expect(backup.stderr).toContain('the result of the last recovery is on record now');
  const { json } = await at.ask('points', 'list');
  expect(json).toMatchObject({ points: [{ id: point, trust: 'recovered', lastDrill: { how: 'recover' } }, {}] });
  expect(existsSync(path)).toBe(false);
});
