import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseApk, parseDpkg, parseExtendedStates, parsePacman, parseRpm, parseWorld } from './packages.ts';

const fixtures = join(import.meta.dirname, '../../test/fixtures');
const said = (tool: string): string =>
  JSON.parse(readFileSync(join(fixtures, tool, 'debian12.json'), 'utf8')).commands[0].stdout;

test('dpkg: what is only configuration is not installed; what is half installed is', () => {
  const lines = [
    'install installed adduser 3.134 all',
    'hold installed nginx 1.22.1-9 amd64',
    'deinstall config-files exim4 4.96 amd64',
    'unknown not-installed nothing  ',
    'install half-configured grub-pc 2.06 amd64',
  ];
  expect(parseDpkg(`${lines.join('\n')}\n`)).toEqual([
    { name: 'adduser', version: '3.134', arch: 'all' },
    { name: 'nginx', version: '1.22.1-9', arch: 'amd64', held: true },
    { name: 'grub-pc', version: '2.06', arch: 'amd64', state: 'half-configured' },
  ]);
  expect(parseDpkg(said('dpkg-query'))).toHaveLength(40);
});

/** Recorded by `test/record`. */
test.each(['debian11', 'debian12', 'debian13', 'debian-sid'])('packages of %s', (release) => {
  const { commands } = JSON.parse(readFileSync(join(fixtures, 'machine', `${release}.json`), 'utf8'));
  const asked = (program: string, verb: string): string =>
    commands.find(({ argv }: { argv: string[] }) => argv[0] === program && argv.includes(verb)).stdout;
  expect(parseDpkg(asked('dpkg-query', '-W')).find(({ name }) => name === 'base-files')?.version).toMatch(/^1\d/);
});

test('what apt did by itself', () => {
  const states =
    'Package: libc6\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: vim\nArchitecture: amd64\nAuto-Installed: 0\n';
  expect([...parseExtendedStates(states)]).toEqual(['libc6 amd64', 'libc6 all']);
});

test('rpm: epochs, several versions of one, and no keys', () => {
  expect(parseRpm(`${said('rpm')}gpg-pubkey (none) d651ff2e-5dadbbc1 (none)\n`)).toEqual([
    { name: 'kernel-core', version: '6.2.0-1', arch: 'noarch' },
    { name: 'kernel-core', version: '6.1.0-1', arch: 'noarch' },
    { name: 'hello', version: '1.0-1', arch: 'noarch' },
    { name: 'bind', version: '32:9.16-3', arch: 'noarch' },
  ]);
});

test('pacman: the local database', () => {
  expect(parsePacman(said('pacman'))).toEqual([
    { name: 'tzdata', version: '2024a-1', arch: 'any', reason: 'manual' },
    { name: 'htop', version: '3.3.0-1', arch: 'x86_64', reason: 'manual' },
    { name: 'glibc', version: '2.38-1', arch: 'x86_64', reason: 'automatic' },
  ]);
});

/** Unverified: after the description of the format (apk-tools, GPL-2.0; wiki.alpinelinux.org, "Apk spec"). */
test('apk: the database and the world', () => {
  const lines = 'C:Q1Deb0jNytkrjPW4N\nP:musl\nV:1.2.5-r0\nA:x86_64\nC:Q1xyz\nP:nginx\nV:1.26.2-r0\nA:x86_64\n';
  expect(parseApk(lines, parseWorld('alpine-base\nnginx>1.20\n!firefox\nvim@edge\n'))).toEqual([
    { name: 'musl', version: '1.2.5-r0', arch: 'x86_64', reason: 'automatic' },
    { name: 'nginx', version: '1.26.2-r0', arch: 'x86_64', reason: 'manual' },
  ]);
  expect(parseApk(lines, undefined).map(({ reason }) => reason)).toEqual([undefined, undefined]);
});

test.each([parseDpkg, parsePacman, parseRpm, (text: string) => parseApk(text, undefined)])(
  '%o refuses garbage',
  (parse) => {
    for (const text of ['garbage', '\u0000', '{}']) expect(() => parse(text)).toThrow();
  },
);

test('3,000 packages are parsed in well under 100 ms', () => {
  const numbers = Array.from({ length: 3000 }, (_, index) => index);
  const packages = numbers.map((index) => `install installed package-${index} 1:2.3.${index}-4 amd64\n`).join('');
  const states = numbers
    .map((index) => `Package: package-${index}\nArchitecture: amd64\nAuto-Installed: 1\n\n`)
    .join('');
  const begun = process.cpuUsage();
  expect(parseDpkg(packages)).toHaveLength(3000);
  expect(parseExtendedStates(states).size).toBe(6000);
  // Some 10 ms of the processor, however busy the machine is.
  expect(process.cpuUsage(begun).user / 1000).toBeLessThan(100);
});
