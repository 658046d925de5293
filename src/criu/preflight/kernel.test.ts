import { expect, test } from 'vitest';
import { cgroupFinding, featureFindings, pipeFinding, ptraceFinding, versionFinding } from './kernel.ts';

test.each([
  [{ major: 4, minor: 1, sublevel: 1 }, '6.16.3-arch1', 'missing'],
  [{ major: 4, minor: 1, sublevel: 1 }, '6.12.107+deb13-amd64', 'ok'],
  [{ major: 4, minor: 2, sublevel: 0 }, '6.18.4', 'ok'],
  [{ major: 4, minor: 10, sublevel: 0 }, '7.0.1', 'ok'],
  [{ major: 3, minor: 17, sublevel: 1 }, '6.1.0-30-amd64', 'limited'],
])('CRIU %j on Linux %s: %s', (version, release, state) => {
  expect(versionFinding(version, release).state).toBe(state);
});

test('features that are missing say what cannot be done', () => {
  const none = { memoryTracking: false, lazyPages: false, pidfdStore: false };
  expect(featureFindings(none, false).map(({ subject, state }) => [subject, state])).toEqual([
    ['soft-dirty', 'limited'],
    ['lazy pages', 'limited'],
    ['pagemap scan', 'limited'],
  ]);
  const all = { memoryTracking: true, lazyPages: true, pidfdStore: true };
  expect(featureFindings(all, undefined).map(({ state }) => state)).toEqual(['ok', 'ok']);
});

const two = '29 22 0:25 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate';
const one = '30 22 0:26 / /sys/fs/cgroup/cpu rw shared:5 - cgroup cgroup rw,cpu';

test.each([
  [two, 'ok', 'cgroups are v2'],
  [one, 'ok', 'cgroups are v1'],
  [`${one}\n${two}`, 'limited', 'hybrid'],
  ['22 1 254:0 / / rw - ext4 /dev/vda rw', 'limited', 'no cgroups'],
])('cgroups of %j', (mounts, state, text) => {
  expect(cgroupFinding(mounts)).toMatchObject({ state, text: expect.stringContaining(text) });
});

test.each([
  [1 << 20, false, 'limited'],
  [1 << 20, true, 'ok'],
  [4 << 20, false, 'ok'],
])('pipes of %i, may exceed it: %s', (size, may, state) => {
  expect(pipeFinding(size, may).state).toBe(state);
});

test('tracing', () => {
  expect([undefined, 0, 1, 2, 3].map((scope) => ptraceFinding(scope).state)).toEqual([
    'ok',
    'ok',
    'ok',
    'ok',
    'missing',
  ]);
});
