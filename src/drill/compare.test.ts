import { expect, test } from 'vitest';
import type { Facts } from '../facts/types.ts';
import { comparedFacts } from './compare.ts';

const port = (protocol: 'tcp' | 'udp', number: number, more: object = {}) => ({
  protocol,
  address: '0.0.0.0',
  port: number,
  ephemeral: false,
  ...more,
});

const facts = (own: Partial<Facts>): Facts =>
  ({ services: { init: 'systemd', enabled: [], failed: [] }, ports: [], ...own }) as unknown as Facts;

const services = (
  active: Readonly<Record<string, string>>,
  failed: readonly string[] = [],
): NonNullable<Facts['services']> => ({
  init: 'systemd',
  enabled: Object.entries(active).map(([name, state]) => ({ name, active: state })),
  failed: [...failed],
});

const wrong = (recorded: Partial<Facts>, now: Partial<Facts>, mayFail: readonly string[] = []): string[] =>
  comparedFacts(facts(recorded), facts(now), mayFail).flatMap(({ name, passed, detail }) =>
    passed ? [] : [`${name}: ${detail}`],
  );

test('what failed when it was captured may fail again, and what the configuration names', () => {
  const before = { services: services({}, ['old.service']) };
  const now = { services: services({}, ['old.service', 'new.service', 'nfs.mount']) };
  expect(wrong(before, now)).toEqual(['units: failed: new.service, nfs.mount']);
  expect(wrong(before, now, ['nfs.mount'])).toEqual(['units: failed: new.service']);
  expect(wrong(before, now, ['nfs.mount', 'new.service'])).toEqual([]);
});

test('a service that ran has to run; one that had ended need not', () => {
  const before = {
    services: services({ 'ssh.service': 'active', 'once.service': 'inactive', 'web.service': 'active' }),
  };
  expect(wrong(before, { services: services({ 'ssh.service': 'active', 'web.service': 'inactive' }) })).toEqual([
    'services: web.service is inactive',
  ]);
  expect(wrong(before, { services: services({ 'ssh.service': 'active' }) })).toEqual([
    'services: web.service is not enabled',
  ]);
  expect(wrong(before, { services: services({ 'ssh.service': 'active', 'web.service': 'active' }) })).toEqual([]);
});

test('ports are compared without their addresses, and without those that the kernel or DHCP chose', () => {
  const before = {
    ports: [
      port('tcp', 22, { address: '192.0.2.7', process: 'sshd' }),
      port('udp', 53),
      port('tcp', 40_000, { ephemeral: true }),
      port('udp', 68),
    ],
  };
  expect(wrong(before, { ports: [port('tcp', 22), port('udp', 53)] })).toEqual([]);
  expect(wrong(before, { ports: [port('udp', 22), port('udp', 53)] })).toEqual([
    'ports: nobody listens on tcp 22 (sshd)',
  ]);
});

test('of what was not captured nothing is said, and what cannot be seen now is not called well', () => {
  expect(comparedFacts({} as Facts, facts({}), [])).toEqual([
    { name: 'units', passed: true, detail: 'no unit failed that had not' },
  ]);
  const unseen = comparedFacts(facts({ ports: [port('tcp', 22)] }), {} as Facts, []);
  expect(unseen.map(({ name, passed }) => `${name} ${passed}`)).toEqual(['units false', 'ports false']);
});
