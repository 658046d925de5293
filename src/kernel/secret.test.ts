import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { REDACTED, redact, redactOptions, redactSource, redactText, Secret } from './secret.ts';

const value = 'correct horse battery';
const secret = new Secret(value);

test.each([
  ['String()', () => String(secret)],
  ['a template', () => `a${String(secret)}`],
  ['concatenation', () => `a${secret.toString()}`],
  ['JSON', () => JSON.stringify({ deep: [{ secret }] })],
  ['inspect', () => inspect({ deep: { secret } }, { depth: 9, showHidden: true })],
  ['keys', () => inspect([Object.keys(secret), Object.entries(secret)])],
  ['a copy', () => JSON.stringify(Object.assign({}, secret))],
  ['an error', () => inspect(new Error(`cannot log in with ${String(secret)}`))],
])('a secret is not in %s', (_way, print) => {
  expect(print()).not.toContain(value);
});

test('reveal gives it', () => {
  expect(secret.reveal()).toBe(value);
});

test('text that holds a known secret is redacted wherever it stands', () => {
  expect(redactText(`--password=${value} and ${value}`)).toBe(`--password=${REDACTED} and ${REDACTED}`);
});

test('a secret of a few letters does not blank out ordinary text', () => {
  expect(new Secret('abc').reveal()).toBe('abc');
  expect(redactText('abcdef')).toBe('abcdef');
});

test.each([
  ['https://user:hunter22@host/path', `https://user:${REDACTED}@host/path`],
  ['sftp://u:p%40ss@h:22 s3+http://k:v@h', `sftp://u:${REDACTED}@h:22 s3+http://k:${REDACTED}@h`],
  ['https://user:p@ss@host/a@b', `https://user:${REDACTED}@host/a@b`],
  ['https://:onlypass@host', `https://:${REDACTED}@host`],
  ['https://host:8080/a@b', 'https://host:8080/a@b'],
  ['sftp://user@host:22/backup', 'sftp://user@host:22/backup'],
  ['12:30 mail a@b', '12:30 mail a@b'],
])('URL %s', (text, expected) => {
  expect(redactText(text)).toBe(expected);
});

test('redaction goes into lists and objects, and looks at keys', () => {
  const given = {
    user: 'me',
    password: 'letmein1',
    deep: [{ apiToken: 'abcd1234', list: [`x ${value}`] }, secret],
    'private-key': 'PEM',
    recoveryCode: '1-2-3',
    count: 3,
    nothing: null,
  };
  expect(redact(given)).toEqual({
    user: 'me',
    password: REDACTED,
    deep: [{ apiToken: REDACTED, list: [`x ${REDACTED}`] }, REDACTED],
    'private-key': REDACTED,
    recoveryCode: REDACTED,
    count: 3,
    nothing: null,
  });
  expect(given.password).toBe('letmein1');
});

test.each([
  ['rw,username=me,password=S3cr3t,uid=0', `rw,username=me,password=${REDACTED},uid=0`],
  ['pass=S3cr3t', `pass=${REDACTED}`],
  ['_netdev,passwd=S3cr3t', `_netdev,passwd=${REDACTED}`],
  ['password=S3cr3t,password2=Oth3r', `password=${REDACTED},password2=${REDACTED}`],
  ['PASSWORD=S3,,cr3t,vers=3', `PASSWORD=${REDACTED},vers=3`],
  ['password="S3,cr3t",vers=3', `password=${REDACTED},vers=3`],
  ['password=S3"cr3t,vers=3', `password=${REDACTED},vers=3`],
  ['name=admin,secret=AQBx==,noatime', `name=admin,secret=${REDACTED},noatime`],
  ['key=passphrase:passphrase_passwd=S3cr3t,rw', `key=passphrase:passphrase_passwd=${REDACTED},rw`],
  ['username=corp/me%S3cr3t,rw', `username=corp/me%${REDACTED},rw`],
  ['user=me:S3cr3t,rw', `user=me:${REDACTED},rw`],
  ['url=https://me:S3cr3t@nas/dav', `url=https://me:${REDACTED}@nas/dav`],
])('mount options %s', (options, expected) => {
  expect(redactOptions(options)).toBe(expected);
});

test.each([
  'rw,relatime,user_id=0,sec=krb5,vers=3.1.1',
  'credentials=/root/.smb,cred=/root/.smb,username=me,user=me,user',
  'keyfile=/etc/key,secretfile=/etc/ceph/secret,passwd_file=/etc/passwd-s3fs,passphrase_passwd_file=/k',
  'context="system_u:object_r:user_t:s0:c1,c2",lowerdir=/a:/b,upperdir=/c',
  'password_stdin,noauto,x-systemd.automount,pass,password=',
])('mount options that hold no password stay: %s', (options) => {
  expect(redactOptions(options)).toBe(options);
});

test.each([
  ['//me:S3cr3t@nas/share', 'cifs', `//me:${REDACTED}@nas/share`],
  ['//me:S3@cr3t@nas/share', 'cifs', `//me:${REDACTED}@nas/share`],
  ['//me%S3cr3t@nas/share', 'cifs', `//me%${REDACTED}@nas/share`],
  ['//me:S3cr3t@nas/share@home', 'cifs', `//me:${REDACTED}@nas/share@home`],
  ['curlftpfs#me:S3cr3t@host/dir', 'fuse', `curlftpfs#me:${REDACTED}@host/dir`],
  ['me:S3cr3t@host', 'fuse', `me:${REDACTED}@host`],
  ['me%S3cr3t', 'cifs', `me%${REDACTED}`],
  ['me@host:S3cr3t', 'fuse', `me@host:${REDACTED}`],
  ['https://me:S3cr3t@nas/dav', 'davfs', `https://me:${REDACTED}@nas/dav`],
  [':webdav,url=x,pass=S3cr3t:dir', 'fuse.rclone', `:webdav,url=x,pass=${REDACTED}`],
])('source %s of %s', (source, fstype, expected) => {
  expect(redactSource(source, fstype)).toBe(expected);
});

test.each([
  ['/dev/disk/by-id/a:b@c', 'ext4'],
  ['UUID=0b0f1a4e-0304-4000-8000-000000000304', 'ext4'],
  ['LABEL=a%b', 'ext4'],
  ['//nas/share', 'cifs'],
  ['//nas:445/share@home', 'cifs'],
  ['//me@nas/100%', 'cifs'],
  ['nas.example.net:/export/a@b', 'nfs4'],
  ['[fe80::1%eth0]:/export', 'nfs4'],
  ['me@host:', 'fuse.sshfs'],
  ['me@host:dir', 'fuse.sshfs'],
  ['me@host:/dir', 'fuse'],
  ['admin@.cephfs=/', 'ceph'],
  ['10.0.0.1:6789,10.0.0.2:6789:/', 'ceph'],
  ['tank/home@auto-10:00', 'zfs'],
  ['overlay', 'overlay'],
])('a source that holds no password stays: %s', (source, fstype) => {
  expect(redactSource(source, fstype)).toBe(source);
});
