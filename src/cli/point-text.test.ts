import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { madeData, madeDescription } from '../../test/helpers/points.ts';
import { recordedHost } from '../host/recorded.ts';
import { capturesOf } from '../point/records.ts';
import { POINT_FORMAT } from '../point/point.ts';
import { captureContainers } from '../runtime/capture.ts';
import { withoutSecrets } from '../runtime/hidden.ts';
import { pointText } from './point-text.ts';

const id = '20261120T020000Z-abc';

async function textWith(enabled: string[]): Promise<string> {
  const fixture = join(import.meta.dirname, '../../test/fixtures/docker/trixie.json');
  await using host = recordedHost(JSON.parse(readFileSync(fixture, 'utf8')));
  const { signal } = new AbortController();
  const { containers } = await captureContainers(host, new Date(), signal, ['docker', 'lxc', 'runc']);
  const { layout: _layout, network: _network, facts, coverage: _coverage, ...head } = madeDescription(id);
  const services = { init: 'systemd' as const, enabled: enabled.map((name) => ({ name })) };
  const captures = capturesOf({
    ...madeDescription(id),
    facts: { ...facts, services },
    containers: { containers: containers.map(withoutSecrets), images: [], data: [] },
  });
  const place = { key: 'captures', size: 1, sha256: '' };
  const point = { format: POINT_FORMAT, ...head, data: madeData, captures: place } as const;
  return pointText({ point, captures, key: 'points', arrivedMs: 0, trust: 'stored' });
}

test('a point tells of its containers what they are and what starts them on a recovered host', async () => {
  const text = await textWith(['docker.service']);
  expect(text).toMatch(/^Containers$/m);
  expect(text).toMatch(/^web +docker +base:1 +running/m);
  expect(text).toContain('web: starts by itself: docker.service (restart policy unless-stopped)');
  expect(text).toContain('one: ! to be started: lxc-start --name one (lxc.service is not enabled)');
  expect(text).toContain('two: stays as it was: it did not run');
  expect(text).not.toContain('hunter22');
});
