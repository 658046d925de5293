/** Whatever a tool prints: a parser gives something that the schema takes, or throws, which becomes a gap. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Host } from '../host/host.ts';
import { nameToBytes } from '../kernel/text.ts';
import { captureFacts } from './capture.ts';
import { parseCpuinfo } from './cpu.ts';
import { parseCrontabs } from './cron.ts';
import { factsChanges } from './diff.ts';
import { parseDomain } from './libvirt.ts';
import { parseModules } from './modules.ts';
import { parseDpkg } from './packages.ts';
import { places } from './places.ts';
import { parseSockets } from './ports.ts';
import { factsText } from './text.ts';
import { parseFacts } from './types.ts';
import { parsePasswd } from './users.ts';
import { parseXml } from './xml.ts';

const now = new Date('2026-11-20T12:00:00Z');

/** Pieces of what the tools print, so that more than the first check of each parser is reached. */
const pieces = fc.constantFrom(
  'processor\t: 0',
  'MemTotal: 1 kB',
  'root:x:0:0::/root:/bin/sh',
  'ssh.service enabled enabled',
  '/etc/cron.d/a:@daily root x',
  'install installed a 1 all',
  '/proc/net/tcp:   0: 00000000:0016 00000000:0000 0A 0:0 0:0 0 0 0 5',
  '<domain><name>x</name></domain>',
  '/etc/libvirt/qemu/a.xml:<domain>',
  '/a/overlay-containers/containers.json:[{"id":"1"}]',
  '\u001b[2J',
  '\udc80\udcff',
  '\u0000',
  '\n',
  ':',
  ' ',
  '/',
  '{}',
  '[]',
  '/var/lib/docker/containers/ab/config.v2.json:"Name":"/x"',
  '/etc/pve/local/lxc/1.conf:rootfs: a:b',
  '9'.repeat(30),
  '%NAME%',
  'P:x',
  'V:1',
  '\u202e',
);
const text = fc.oneof(
  fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('\n')),
  fc.string({ unit: 'binary' }),
);

function saying(answers: readonly string[]): Host {
  let asked = 0;
  const next = () => nameToBytes(answers[asked++ % answers.length] ?? '');
  const there = nameToBytes(`${Object.values(places).join('\n')}\n`);
  return {
    name: 'garbled',
    run: async (argv) => ({ code: 0, stdout: argv[0] === 'ls' && argv[1] === '-d' ? there : next(), stderr: '' }),
    read: async () => next(),
    stream: () => expect.unreachable(),
    write: () => expect.unreachable('capture writes nothing'),
    [Symbol.asyncDispose]: async () => {},
  };
}

test('garbage is a gap, the document is one, and nothing raw is printed', async ({ signal }) => {
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 5 }), async (answers) => {
      const facts = await captureFacts(saying(answers), now, signal);
      const stored: unknown = JSON.parse(JSON.stringify(facts));
      expect(parseFacts(stored)).toEqual(facts);
      expect(factsChanges(facts, facts)).toEqual([]);
      expect(factsText(facts)).not.toMatch(/[^\P{Cc}\n]|[\ud800-\udfff]|\p{Bidi_Control}/u);
    }),
    { numRuns: 100 },
  );
});

test.each([
  parseCpuinfo,
  parseDpkg,
  parseModules,
  parsePasswd,
  parseXml,
  (input: string) => parseDomain(input, new Map()),
  (input: string) => parseCrontabs(new Map([['/etc/crontab', input]])),
  (input: string) => parseSockets(new Map([['/proc/net/tcp6', input]])),
])('%o is linear: much garbage takes no time', (parse) => {
  for (const piece of ['a', ' ', '<', '<a b="', '<!--', ':', '\n', '*/', '0 ', '* * * * * root pass ']) {
    const input = piece.repeat(200_000 / piece.length);
    const begun = process.cpuUsage();
    try {
      parse(input);
    } catch {
      // Refused is as good.
    }
    // A quadratic one would take minutes.
    expect(process.cpuUsage(begun).user / 1000, piece).toBeLessThan(2000);
  }
});
