import { expect, test } from 'vitest';
import { pageOf } from './page.ts';
import { type DrillReport, reportSchema } from './report.ts';

export const sampleReport: DrillReport = {
  format: 'lifeboat.drill/1',
  what: 'machine',
  host: 'web1',
  point: '20261122T010000Z-abcdefgh',
  pointMadeAt: '2026-11-22T01:00:00.000Z',
  repository: 'sftp://backup@nas/srv/points',
  version: '0.1.0',
  at: '2026-11-22T03:00:00.000Z',
  result: 'passed',
  seconds: 231.4,
  rpoSeconds: 7200,
  phases: [
    { name: 'rescue', from: 0, seconds: 41.2 },
    { name: 'channel', from: 41.2, seconds: 6.1 },
    { name: 'recover', from: 47.3, seconds: 140.5 },
    { name: 'find', from: 50.3, seconds: 2.5, within: 'recover' },
    { name: 'verify', from: 52.8, seconds: 31, within: 'recover' },
    { name: 'plan', from: 83.8, seconds: 4, within: 'recover' },
    { name: 'recreate', from: 87.8, seconds: 20, within: 'recover' },
    { name: 'restore', from: 107.8, seconds: 55, within: 'recover' },
    { name: 'prove', from: 162.8, seconds: 25, within: 'recover' },
    { name: 'agent', from: 187.8, seconds: 12.2, own: true },
    { name: 'boot', from: 200, seconds: 43.6 },
    { name: 'checks', from: 243.6, seconds: 20.1, own: true },
  ],
  medium: { id: 'm1', digest: 'd'.repeat(64), kernel: '6.1.0-42-amd64' },
  machine: {
    firmware: 'uefi',
    accelerator: 'tcg',
    memoryMiB: 2048,
    cpus: 2,
    disks: [{ of: 'disk:S1', serial: 'S1', bus: 'nvme', sizeBytes: 512 * 2 ** 30, sectorSize: 512 }],
    cards: [{ mac: '52:54:00:aa:00:01', model: 'virtio' }],
    notes: ['it has 2.0 GiB of memory: recorded are 64 GiB'],
    cpuSeconds: 301.2,
  },
  recovery: {
    plan: 'sha256:1234',
    result: 'passed',
    proof: { entries: 31_415, files: 27_182, bytes: 1_618_033_988, wrong: 0, graph: 0, boot: 0, mounts: 0 },
  },
  checks: [
    { name: 'proof', passed: true, detail: '31415 entries compared with the point' },
    { name: 'login', passed: true, detail: 'the serial line asks who logs in' },
    { name: 'services', passed: true, detail: 'all 23 services that ran when it was captured do' },
    { name: 'isolation', passed: true, detail: 'nothing gets out: tried by bash, python3' },
  ],
  evidence: { 'serial.log': 'a'.repeat(64), 'screen.png': 'b'.repeat(64) },
};

test('a page says what the report says, and needs nothing beside it', () => {
  expect(reportSchema.parse(sampleReport)).toEqual(sampleReport);
  const page = pageOf(sampleReport, Buffer.from('picture'));
  for (const text of [
    'Passed',
    'web1',
    '3 m 51 s',
    '2 h 0 m',
    '31,415 entries',
    'isolation',
    'recorded are 64 GiB',
    'sftp://backup@nas',
  ]) {
    expect(page).toContain(text);
  }
  expect(page).toContain(`data:image/png;base64,${Buffer.from('picture').toString('base64')}`);
  expect(page).not.toMatch(/<script|(?:src|href)="(?!data:)/);
  expect(page.match(/<rect /g)?.length).toBe(sampleReport.phases.length);
});

test('what a machine is called, or says, is no HTML', () => {
  const nasty = '<script>alert("1")</script>&\'';
  const page = pageOf({
    ...sampleReport,
    host: nasty,
    result: 'failed',
    problem: `one\n${nasty}`,
    repository: nasty,
    checks: [{ name: nasty, passed: false, detail: nasty }],
    phases: [{ name: nasty, from: 0, seconds: 1 }],
    evidence: { [nasty]: nasty },
  });
  expect(page).not.toContain('<script');
  expect(page).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;');
  expect(page).toContain('Why it failed');
});

test('a drill that came to nothing has a page, too', () => {
  const { machine: _machine, medium: _medium, recovery: _recovery, ...rest } = sampleReport;
  const page = pageOf({
    ...rest,
    what: 'files',
    result: 'failed',
    problem: 'no room',
    phases: [],
    checks: [],
    evidence: {},
  });
  expect(page).toContain('It did not come so far.');
});
