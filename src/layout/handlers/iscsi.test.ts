/** Connections by iSCSI as a stack of the lab was recorded, after its sessions went. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Recording, recordedHost, recordingSchema } from '../../host/recorded.ts';
import { captureLayout } from '../capture.ts';
import { layoutChanges } from '../diff.ts';

const { signal } = new AbortController();
const captured = async (recording: Recording) =>
  await captureLayout(recordedHost(recording), new Date('2026-11-21T12:00:00Z'), signal);

test('what records say shall be there is there without a session, though fstab does not wait for the network', async () => {
  const file = join(import.meta.dirname, '../../../test/fixtures/lab/iscsi-plain.debian12.json');
  const recording = recordingSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  recording.files['/etc/fstab'] = recording.files['/etc/fstab']?.replace('_netdev', 'defaults') ?? null;
  const before = await captured(recording);
  for (const command of recording.commands) {
    command.stdout = command.stdout.replace(/\/session\d+\//g, '/');
  }
  const after = await captured(recording);
  const connections = after.components.filter((one) => one.kind === 'iscsi');
  expect(connections).toHaveLength(2);
  for (const one of connections) expect(one).toMatchObject({ connected: false, initiator: 'iqn.2026-11.org.lab:host' });
  const ids = new Set(connections.map(({ id }) => id));
  expect(layoutChanges(before, after).filter(({ subject }) => ids.has(subject))).toEqual([]);
});
