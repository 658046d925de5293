import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fingerprint, hostPattern, isEntryOf, judgeKey, keyType, parseKnownHosts } from './known-hosts.ts';

/** A key in SSH's form: the length of its type, its type, and something. */
function key(type: string, rest: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(type.length);
  return Buffer.concat([head, Buffer.from(type), Buffer.from(rest)]);
}

const one = key('ssh-ed25519', 'one');
const two = key('ssh-ed25519', 'two');
const rsa = key('ssh-rsa', 'three');
const line = (hosts: string, of: Buffer, marker = '') => `${marker}${hosts} ${keyType(of)} ${of.toString('base64')}`;

function hashed(name: string): string {
  const salt = Buffer.from('salt of twenty bytes');
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

test('comments, empty lines and nonsense are no entries', () => {
  expect(parseKnownHosts(`# web1 ssh-ed25519 AAAA\n\n  \nnonsense\nweb1 ssh-ed25519\n`)).toEqual([]);
  expect(parseKnownHosts(`${line('web1', one)} a comment\r\n`)).toEqual([
    { marker: undefined, hosts: 'web1', type: 'ssh-ed25519', key: one },
  ]);
});

describe('which host an entry is about', () => {
  test.each([
    ['web1', 'web1', 22, true],
    ['web1', 'WEB1', 22, true],
    ['web1', 'web1', 2222, false],
    ['[web1]:2222', 'web1', 2222, true],
    ['[web1]:2222', 'web1', 22, false],
    ['db,web1,10.0.0.1', '10.0.0.1', 22, true],
    ['*.example.org', 'web.example.org', 22, true],
    ['*.example.org', 'example.org', 22, false],
    ['web?', 'web1', 22, true],
    ['web.', 'web1', 22, false],
    ['*,!web1', 'web1', 22, false],
    ['*,!web1', 'web2', 22, true],
    [hashed('web1'), 'web1', 22, true],
    [hashed('web1'), 'web2', 22, false],
    [hashed('[web1]:2222'), 'web1', 2222, true],
    ['|1|broken', 'web1', 22, false],
  ])('%s, %s port %i: %s', (hosts, host, port, expected) => {
    const [entry] = parseKnownHosts(line(hosts, one));
    expect(entry !== undefined && isEntryOf(entry, hostPattern(host, port))).toBe(expected);
  });
});

describe('what is said about a key', () => {
  test.each([
    ['the one in the file', [line('web1', one)], one, 'known'],
    ['one of two', [line('web1', two), line('web1', one)], one, 'known'],
    ['another of the same type', [line('web1', two)], one, 'changed'],
    ['another type', [line('web1', rsa)], one, 'changed'],
    ['of another host', [line('web2', one)], one, 'unknown'],
    ['revoked', [line('web1', one), line('*', one, '@revoked ')], one, 'revoked'],
    ['another one revoked', [line('web1', one), line('*', two, '@revoked ')], one, 'known'],
    ['only an authority', [line('*', one, '@cert-authority ')], one, 'unknown'],
    ['of an empty file', [], one, 'unknown'],
  ])('%s', (_title, lines, shown, verdict) => {
    expect(judgeKey(parseKnownHosts(lines.join('\n')), 'web1', shown)).toBe(verdict);
  });
});

test('a fingerprint is written as OpenSSH writes it', () => {
  expect(fingerprint(Buffer.from('x'))).toBe('SHA256:LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE');
});
