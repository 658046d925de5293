import { expect, test } from 'vitest';
import { crowded, middling } from '../../test/helpers/made-layout.ts';
import { recordedLayout } from '../../test/helpers/recorded-layouts.ts';
import { runbookText } from './runbook.ts';

const facts = {
  host: 'web1',
  at: '2026-11-22T06:00:00.000Z',
  repositories: ['sftp://backup@nas.example.org/points', 'file:///media/stick/points'],
  addresses: ['192.0.2.5/24 on eth0', '2001:db8::5/64 on eth0'],
  medium: {
    format: 'iso',
    output: '/srv/rescue.iso',
    made: '2026-11-20T03:00:00.000Z',
    hostKey: `SHA256:${'k'.repeat(43)}`,
    provenAt: '2026-11-20T03:04:00.000Z',
    stale: false,
  },
  newest: { id: '20261122T020000Z-1a2b3c', createdAt: '2026-11-22T02:00:00.000Z', trust: 'recovered' },
  seconds: 640,
  unattended: 'blank disks only; then poweroff',
};

test('it is one page, whatever the machine', async () => {
  for (const layout of [middling(), crowded(300), await recordedLayout('raid1-lvm-luks.debian12')]) {
    const lines = runbookText({ ...facts, layout }).split('\n');
    expect(lines.length).toBeLessThanOrEqual(66);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  }
});

test('what of it this machine is', async () => {
  const layout = await recordedLayout('raid1-lvm-luks.debian12');
  const text = runbookText({ ...facts, layout });
  expect(text).toContain('RECOVER web1');
  expect(text).toContain('takes       11 minutes, when it was last done');
  expect(text).toContain('seen to start 2026-11-20');
  expect(text).toContain('It takes blank disks only; then poweroff.');
  const { medium: _medium, newest: _newest, seconds: _seconds, ...bare } = facts;
  const plain = runbookText({ ...bare, layout });
  expect(plain).toContain('(none was made here: lifeboat rescue build)');
  expect(plain).toContain('(never measured: lifeboat drill)');
});
