/** Keyrings, key files, key records: who opens and who is believed. */
import { chmodSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { decryptBytes, encryptBytes } from '../age/age.ts';
import type { Keyring } from './keyring.ts';
import { derive } from './derive.ts';
import { type HostKey, newHostKey, readHostKey, replacedNow, writeHostKey } from './host-key.ts';
import { openKeyRecord, sealKeyRecord } from './key-record.ts';
import { newRecoveryCode, type RecoveryCode } from './recovery-code.ts';
import { noneRetired, type Retired, retiredNow, withRetired } from './retired.ts';
import { keyringOf, keyringOfHostKey, keyringOfRecoveryCode } from './ring.ts';

const now = new Date('2026-11-20T01:02:03Z');
const message = Buffer.from('a record');
const claimed = now.getTime();
const later = new Date(claimed + 1000);
const made = (writeOnly = false) => {
  const code = newRecoveryCode();
  return { code, key: newHostKey('web1', code, { writeOnly }, now) };
};
const signedBy = ({ signer }: Keyring) => {
  if (!signer) throw new Error('no signer');
  return signer.sign(message);
};
const opens = (keyring: Keyring, sealed: Buffer) => decryptBytes(sealed, keyring.identities).equals(message);

describe('a host key and its code', () => {
  test('each opens what the other stored, and judges it', () => {
    const { code, key } = made();
    const [host, recovery] = [keyringOfHostKey(key), keyringOfRecoveryCode(code)];
    for (const keyring of [host, recovery, keyringOf(host, recovery)]) {
      for (const other of [host, recovery]) {
        expect(keyring.judge('web1', message, signedBy(other), claimed)).toBe('trusted');
        expect(keyring.judge('web1', Buffer.from('another'), signedBy(other), claimed)).toBe('wrong');
      }
      expect(opens(keyring, encryptBytes(message, host.recipients))).toBe(true);
    }
  });

  test('nobody is believed for another host', () => {
    const { code, key } = made();
    expect(keyringOfHostKey(key).judge('web2', message, signedBy(keyringOfHostKey(key)), claimed)).toBe('unknown');
    expect(keyringOfRecoveryCode(code).judge('web2', message, signedBy(keyringOfHostKey(key)), claimed)).toBe(
      'unknown',
    );
  });

  test('a stranger with a key, also one with our certificate, is unknown', () => {
    const { code, key } = made();
    const stranger = signedBy(keyringOfHostKey(made().key));
    for (const keyring of [keyringOfHostKey(key), keyringOfRecoveryCode(code)]) {
      expect(keyring.judge('web1', message, stranger, claimed)).toBe('unknown');
      expect(keyring.judge('web1', message, { ...stranger, certificate: key.certificate }, claimed)).toBe('unknown');
    }
  });

  test.each([
    ['key', ''],
    ['key', 'AAAA'],
    ['signature', ''],
    ['signature', '!'],
  ])('%s %j is wrong', (field, value) => {
    const keyring = keyringOfHostKey(made().key);
    expect(keyring.judge('web1', message, { ...signedBy(keyring), [field]: value }, claimed)).toBe('wrong');
  });

  test('write-only: stores and signs, and opens nothing', () => {
    const { code, key } = made(true);
    const keyring = keyringOfHostKey(key);
    const sealed = encryptBytes(message, keyring.recipients);
    expect(keyring.identities).toEqual([]);
    expect(opens(keyringOfRecoveryCode(code), sealed)).toBe(true);
    // Not even with what is in the file, taken for the secret that it is not.
    expect(() => decryptBytes(sealed, [derive(key.secret).identity])).toThrow('none of 1 key');
    expect(keyringOfRecoveryCode(code).judge('web1', message, signedBy(keyring), claimed)).toBe('trusted');
  });
});

describe('rotation', () => {
  /** As `key rotate` does it. */
  function rotated(key: HostKey, before: RecoveryCode, handed = noneRetired, at = now) {
    const code = newRecoveryCode();
    const old = derive(before.secret);
    const retired = withRetired(replacedNow(key, at), retiredNow({ certifiers: [old.signing.publicKey] }, at));
    const opened: Retired = { ...noneRetired, identities: [old.identity] };
    const older = key.writeOnly ? withRetired(handed, opened) : noneRetired;
    const next = newHostKey(key.host, code, { writeOnly: key.writeOnly, retired }, at);
    return { code, key: next, record: sealKeyRecord(next, code, older, at) };
  }
  const handedTo = (code: RecoveryCode, record: Buffer) => {
    const { identity, signing } = derive(code.secret);
    const reader = { host: 'web1', identities: [identity], certifiers: [signing.publicKey] };
    return openKeyRecord(record, reader, 'record');
  };

  test.each([false, true])('the new code opens and believes what is older; write-only: %s', (writeOnly) => {
    const first = made(writeOnly);
    const [sealed, signature] = [
      encryptBytes(message, keyringOfHostKey(first.key).recipients),
      signedBy(keyringOfHostKey(first.key)),
    ];
    let { key, code } = first;
    let handed = handedTo(code, sealKeyRecord(key, code, noneRetired, now)).retired;
    const readable = (by: HostKey) => by.retired.identities.length > 0;
    for (let times = 0; times < 3; times++) {
      const next = rotated(key, code, handed);
      const { retired, recipients } = handedTo(next.code, next.record);
      expect(recipients).toHaveLength(writeOnly ? 1 : 2);
      for (const keyring of [keyringOfRecoveryCode(next.code, retired), keyringOfHostKey(next.key)]) {
        expect(keyring.judge('web1', message, signature, claimed)).toBe('trusted');
      }
      expect(opens(keyringOfRecoveryCode(next.code, retired), sealed)).toBe(true);
      expect(readable(next.key)).toBe(!writeOnly);
      // The old code, with all that it was handed, does not open what is stored from now on.
      const newer = encryptBytes(message, keyringOfHostKey(next.key).recipients);
      expect(() => opens(keyringOfRecoveryCode(code, handed), newer)).toThrow('none of');
      ({ key, code } = next);
      handed = retired;
    }
  });

  test('a code and a key that were replaced are believed for what is older, and for nothing that is newer', () => {
    const first = made();
    const next = rotated(first.key, first.code);
    const stolen = [
      keyringOfHostKey(first.key),
      keyringOfRecoveryCode(first.code),
      // What a thief of the old code certifies himself.
      keyringOfHostKey(newHostKey('web1', first.code, { writeOnly: false }, later)),
    ];
    const { retired } = handedTo(next.code, next.record);
    const [host, code] = [keyringOfHostKey(next.key), keyringOfRecoveryCode(next.code, retired)];
    for (const keyring of [host, code, keyringOf(host, code), keyringOf(keyringOfHostKey(first.key), code)]) {
      for (const thief of stolen) {
        expect(keyring.judge('web1', message, signedBy(thief), claimed)).toBe('trusted');
        expect(keyring.judge('web1', message, signedBy(thief), later.getTime())).toBe('late');
      }
      expect(keyring.judge('web1', message, signedBy(host), later.getTime())).toBe('trusted');
    }
  });

  test('a host key never holds the identity of the code in force; a write-only one holds none', () => {
    const { code } = made();
    const { identity } = derive(code.secret);
    const retired = { ...noneRetired, identities: [identity, derive(newRecoveryCode().secret).identity] };
    expect(newHostKey('web1', code, { writeOnly: false, retired }, now).retired.identities).toHaveLength(1);
    expect(newHostKey('web1', code, { writeOnly: false, retired }, now).retired.identities).not.toContain(identity);
    expect(newHostKey('web1', code, { writeOnly: true, retired }, now).retired.identities).toEqual([]);
  });

  test('a key record that somebody else made is not believed', () => {
    const [ours, theirs] = [made(), made()];
    const { identity, signing } = derive(ours.code.secret);
    const reader = { host: 'web1', identities: [identity], certifiers: [signing.publicKey] };
    // Sealed to our keys, which are public, but signed by their code.
    const forged = sealKeyRecord({ ...ours.key, host: 'web1' }, theirs.code, noneRetired, now);
    expect(() => openKeyRecord(forged, reader, 'record')).toThrow(expect.objectContaining({ code: 'no-key' }));
    const both = { ...reader, identities: [derive(theirs.code.secret).identity] };
    expect(() => openKeyRecord(forged, both, 'record')).toThrow(expect.objectContaining({ code: 'untrusted' }));
    const moved = sealKeyRecord({ ...ours.key, host: 'web2' }, ours.code, noneRetired, now);
    expect(() => openKeyRecord(moved, reader, 'record')).toThrow(expect.objectContaining({ code: 'untrusted' }));
  });
});

describe('the key file', () => {
  test.each([false, true])('reads back, and only its owner can; write-only: %s', async (writeOnly) => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, 'host.key');
    const { key } = made(writeOnly);
    await writeHostKey(path, key);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const read = readHostKey(path);
    expect({ ...read, secret: Buffer.from(read.secret) }).toEqual(key);
  });

  test('is refused when others may read or change it, and as a link', async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, 'host.key');
    await writeHostKey(path, made().key);
    for (const mode of [0o640, 0o604, 0o660]) {
      chmodSync(path, mode);
      expect(() => readHostKey(path)).toThrow(expect.objectContaining({ code: 'untrusted' }));
    }
    chmodSync(path, 0o600);
    symlinkSync(path, join(directory.path, 'link'));
    expect(() => readHostKey(join(directory.path, 'link'))).toThrow(expect.objectContaining({ code: 'untrusted' }));
  });

  test('that is damaged, newer or absent is told, without what is in it', async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, 'host.key');
    expect(() => readHostKey(path)).toThrow(expect.objectContaining({ code: 'not-found' }));
    const { key } = made();
    await writeHostKey(path, key);
    const text = readFileSync(path, 'utf8');
    const secret = Buffer.from(key.secret).toString('base64');
    const put = (changed: string) => writeFileSync(path, changed, { mode: 0o600 });
    put(text.replace(secret, secret.slice(4)));
    let error: unknown;
    try {
      readHostKey(path);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({
      code: 'record-damaged',
      message: expect.stringContaining('secret: is not 32 bytes'),
    });
    expect(String(error)).not.toContain(secret.slice(4, 20));
    put(text.replace(`"${secret}`, `x"${secret}`));
    try {
      readHostKey(path);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'record-damaged', message: expect.stringContaining('is not JSON') });
    expect(inspect(error, { depth: 10 })).not.toContain(secret.slice(0, 4));
    put(text.replace('lifeboat.key/1', 'lifeboat.key/2'));
    expect(() => readHostKey(path)).toThrow(expect.objectContaining({ code: 'newer-format' }));
  });
});
