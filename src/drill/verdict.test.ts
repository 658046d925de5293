import { expect, test } from 'vitest';
import { madeDescription } from '../../test/helpers/points.ts';
import type { Facts } from '../facts/types.ts';
import { printable } from '../kernel/text.ts';
import { wantedNames } from './look.ts';
import { tidy, verdictOf } from './verdict.ts';

const good = (name: string) => ({ name, passed: true, detail: 'as it was' });
const recovery = { result: 'passed' };

test('what was not looked at did not pass, and is named', () => {
  const wanted = ['proof', 'login', 'services', 'canary', 'shop'];
  expect(verdictOf({ recovery, checks: wanted.map(good), wanted })).toEqual({ result: 'passed' });
  expect(verdictOf({ recovery, checks: [good('proof'), good('login')], wanted })).toEqual({
    result: 'unchecked',
    unchecked: ['services', 'canary', 'shop'],
  });
  expect(verdictOf({ recovery: { result: 'sampled' }, checks: wanted.map(good), wanted })).toEqual({
    result: 'sampled',
  });
});

test('what is wrong is worse than what was not looked at', () => {
  const wanted = ['proof', 'login', 'canary'];
  const wrong = { name: 'login', passed: false, detail: 'no prompt' };
  expect(verdictOf({ recovery, checks: [good('proof'), wrong], wanted })).toEqual({
    result: 'failed',
    problem: 'login: no prompt',
    unchecked: ['canary'],
  });
  expect(verdictOf({ problem: 'it does not answer', checks: [wrong], wanted: [] })).toEqual({
    result: 'failed',
    problem: 'it does not answer\nlogin: no prompt',
  });
});

test('what comes out of a machine can be printed, and has an end', () => {
  const problem = `it ended:\n\u001b[2J${'x'.repeat(100_000)}`;
  const said = verdictOf({ problem, checks: [], wanted: [] }).problem ?? '';
  expect(said.startsWith('it ended:\n')).toBe(true);
  for (const line of said.split('\n')) expect(printable(line)).toBe(line);
  expect(said.length).toBeLessThan(20_000);
  const check = tidy({ name: 'a\u0007', passed: true, detail: `\u001b]0;${'y'.repeat(5000)}` });
  expect(printable(check.name + check.detail)).toBe(check.name + check.detail);
  expect(check.detail.length).toBeLessThan(1100);
});

const facts = (own: object): Facts => ({ ...madeDescription('p').facts, ...own });

test('all that was recorded is to be looked at, and what the configuration names', () => {
  const services = { init: 'systemd', enabled: [{ name: 'nginx.service', active: 'active' }], failed: [] };
  const ports = [{ protocol: 'tcp', port: 80, address: '*', ephemeral: false }];
  const shop = { name: 'shop', within: 0, kind: 'file', path: '/etc/shop' } as const;
  const all = { point: { id: 'p' }, checks: [shop], mayFail: [], canary: '/canary' };
  expect(wantedNames({ ...all, captured: { facts: facts({ services, ports }) } })).toEqual([
    'proof',
    'login',
    'system',
    'units',
    'services',
    'ports',
    'canary',
    'isolation',
    'shop',
  ]);
  const { canary: _canary, ...less } = all;
  expect(wantedNames({ ...less, checks: [], captured: { facts: facts({}) } })).toEqual(['proof', 'login', 'isolation']);
});
