/** Recorded machines as plans see their disks. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recordedHost } from '../../host/recorded.ts';
import { captureLayout } from '../capture.ts';
import { parseLayout } from '../types.ts';
import { sessionsIn, withWholeDisks } from './attached.ts';
import { siteOf } from './site.ts';

const folder = join(import.meta.dirname, '../../../test/fixtures/lab');
const { signal } = new AbortController();

const recorded = async (name: string) => {
  const recording: unknown = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  return parseLayout(await captureLayout(recordedHost(recording), new Date('2026-11-21T12:00:00Z'), signal));
};

const names = readdirSync(folder).filter((file) => file.endsWith('.debian12.json'));

test.each(names)('%s: nothing is below disks, and what stood on a map stands on a disk', async (name) => {
  const layout = await recorded(name);
  const whole = withWholeDisks(layout);
  expect(parseLayout(whole)).toEqual(whole);
  expect(withWholeDisks(whole)).toEqual(whole);
  expect(whole.components.filter(({ kind }) => kind === 'multipath' || kind === 'iscsi')).toEqual([]);
  expect(whole.components.flatMap((one) => (one.kind === 'disk' ? one.on : []))).toEqual([]);
  const [before, after] = [siteOf(layout.components), siteOf(whole.components)];
  for (const { id, kind } of layout.components) {
    if (['disk', 'multipath', 'iscsi'].includes(kind) || before.disksUnder(id).length === 0) continue;
    expect(after.disksUnder(id), id).not.toHaveLength(0);
  }
});

test('two paths are one disk, with what they say of themselves, and the sessions behind it are told', async () => {
  const layout = await recorded('iscsi-multipath.debian12.json');
  const disks = withWholeDisks(layout).components.flatMap((one) => (one.kind === 'disk' ? [one] : []));
  const map = disks.find(({ id }) => id.startsWith('multipath:'));
  expect(map).toMatchObject({ device: '/dev/mapper/mpatha', serial: 'beaf11', transport: 'iscsi' });
  expect(disks.filter(({ serial }) => serial === 'beaf11')).toHaveLength(1);
  expect(sessionsIn(layout)).toHaveLength(2);
});
