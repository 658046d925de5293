/** Secrets that are known are looked for everywhere after a full run: not one may be anywhere. */
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { derive, deriveSshKey } from '../../src/keys/derive.ts';
import { parseRecoveryCode } from '../../src/keys/recovery-code.ts';
import { identityText } from '../../src/age/age.ts';
import { type Canaries, foundIn, leaksBelow, spawnSpy, watchProcesses } from '../helpers/canary.ts';
import { output } from '../helpers/child-process.ts';
import { type Ended, isRoot, script, startLifeboat } from '../helpers/cli.ts';
import { keyedSandbox, type KeyedSandbox } from '../helpers/keyed.ts';
import { sftpPlace } from '../helpers/sftp-place.ts';

const PASSPHRASE = 'canary-of-the-ssh-key-5e0f';
const WEBHOOK = 'canary-of-the-webhook-91ab';

function canariesOf(box: KeyedSandbox): Canaries {
  const hostSecret = Buffer.from(JSON.parse(readFileSync(box.keyFile, 'utf8')).secret, 'base64');
  const { secret } = parseRecoveryCode(box.code);
  const [ofCode, ofHost] = [derive(secret), derive(hostSecret)];
  return {
    'recovery code': Buffer.from(box.code),
    'secret of the recovery code': Buffer.from(secret),
    'secret of the host key': hostSecret,
    'age identity of the code': Buffer.from(identityText(ofCode.identity)),
    'age identity of the host': Buffer.from(identityText(ofHost.identity)),
    'private key of the code': Buffer.from(ofCode.identity.privateKey),
    'private key of the host': Buffer.from(ofHost.identity.privateKey),
    'restic password of the code': Buffer.from(ofCode.restic.reveal()),
    'restic password of the host': Buffer.from(ofHost.restic.reveal()),
    'ssh key of the code': Buffer.from(deriveSshKey(secret).privateText.reveal().split('\n')[4] ?? ''),
    'ssh passphrase': Buffer.from(PASSPHRASE),
    webhook: Buffer.from(WEBHOOK),
  };
}

/** Runs commands one after the other under the eyes of a spy, each with all secrets at hand. */
async function spiedOn(box: KeyedSandbox, commands: readonly (readonly string[])[]) {
  const spy = { module: join(box.base, '../', `${process.pid}-spy.mjs`), log: join(box.base, 'spied') };
  writeFileSync(spy.module, spawnSpy);
  const stop = watchProcesses();
  const ended: Ended[] = [];
  for (const command of commands) {
    const env = { SPY_LOG: spy.log, LIFEBOAT_RECOVERY_CODE: box.code, LIFEBOAT_SSH_PASSPHRASE: PASSPHRASE };
    const global = ['--config', box.config, '--state-dir', box.state, '--log-level', 'trace'];
    ended.push(await startLifeboat([...global, ...command], { env, node: ['--import', spy.module] }).ended);
  }
  const shown = await stop();
  // The process itself was given the code in its environment by this test; its children must not have it.
  const mine = (bytes: Buffer) => bytes.includes('SPY_LOG=') && bytes.includes('LIFEBOAT_RECOVERY_CODE=');
  return { ended, processes: shown.filter((bytes) => !mine(bytes)), own: shown.filter(mine).length };
}

const server = createServer((request, response) => {
  let body = '';
  request.on('data', (piece: Buffer) => (body += piece.toString()));
  request.on('end', () => {
    received.push({ url: request.url ?? '', body });
    response.end();
  });
});
const received: { url: string; body: string }[] = [];
let port = 0;
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address === 'object' && address !== null) ({ port } = address);
});
afterAll(() => server.close());

if (!isRoot) console.warn('skipped: a canary run to an ssh server needs root');

test.skipIf(!isRoot)('a full run leaves no secret anywhere', { timeout: 400_000 }, async () => {
  await using place = await sftpPlace();
  await using box = await keyedSandbox();
  const canaries = canariesOf(box);
  const identities = [derive(parseRecoveryCode(box.code).secret).identity];
  const sshKey = join(box.base, 'etc/id');
  await output('ssh-keygen', '-q', '-t', 'ed25519', '-N', PASSPHRASE, '-f', sshKey);
  writeFileSync(join(place.sshd.privateKeyPath, '../authorized_keys'), readFileSync(`${sshKey}.pub`));
  mkdirSync(join(box.base, 'etc/secrets'));
  const secret = (name: string, text: string) =>
    writeFileSync(join(box.base, 'etc/secrets', name), text, { mode: 0o600 });
  secret('webhook-url', `http://127.0.0.1:${port}/${WEBHOOK}`);
  secret('ssh-passphrase', PASSPHRASE);
  const more = `ssh: { identityFile: ${sshKey}, knownHosts: ${place.knownHosts} }
rpo: 1s
notify: { webhook: secret }
schedule: { backup: { cron: '* * * * *' } }
`;
  const text = readFileSync(box.config, 'utf8');
  writeFileSync(box.config, `${text.replace(/^repository: .*/m, `repository: ${place.url()}`)}${more}`);
  // The repository of the sandbox goes to the server.
  await output('cp', '-a', `${box.repository}/.`, place.root);
  // Drop-ins are told much, and write down all of it.
  script(
    join(box.base, 'etc/hooks.d/backup/store.before.d/10-look'),
    `env > ${box.base}/told; cat >> ${box.base}/told`,
  );

  const to = (name: string) => join(box.base, name);
  const { ended, processes, own } = await spiedOn(box, [
    ['key', 'check'],
    ['backup'],
    ['points', 'list'],
    ['points', 'verify', 'latest'],
    ['--json', 'points', 'show', 'latest'],
    ['restore', 'latest', '--to', to('restored')],
    ['key', 'show'],
    ['--json', 'runs', 'list'],
  ]);
  expect(ended.map(({ code }) => code).slice(0, 7), ended.map(({ stderr }) => stderr).join('\n')).toEqual([
    0, 0, 0, 0, 0, 0, 0,
  ]);
  // Failures: of a drop-in, of the age of the newest point, which is told by webhook, and of what was typed.
  script(join(box.base, 'etc/hooks.d/backup/store.before.d/20-fail'), 'exit 7');
  const failed = await spiedOn(box, [
    ['backup'],
    ['schedule', 'run', '--due'],
    ['restore', 'nonsense', '--to', to('no')],
  ]);
  expect(failed.ended[0]?.code).toBe(1);

  // Of what went wrong, too.
  const bundle = await spiedOn(box, [['doctor', '--bundle', to('bundle.tar.gz')]]);
  expect(existsSync(to('bundle.tar.gz'))).toBe(true);

  const all = [...ended, ...failed.ended, ...bundle.ended];
  const printed = Buffer.from(all.map(({ stdout, stderr }) => stdout + stderr).join('\n'));
  expect(own, 'processes of lifeboat that were seen').toBeGreaterThan(0);
  expect(processes.length, 'of children').toBeGreaterThan(0);
  expect(readFileSync(to('spied'), 'utf8').split('\n').length, 'children that were started').toBeGreaterThan(10);
  expect(existsSync(to('told'))).toBe(true);

  expect(foundIn(printed, canaries), 'printed').toEqual([]);
  expect(
    foundIn(Buffer.concat([...processes, ...failed.processes, ...bundle.processes]), canaries),
    'shown by processes',
  ).toEqual([]);
  expect(received.map(({ url }) => url)).toContain(`/${WEBHOOK}`);
  expect(foundIn(Buffer.from(received.map(({ body }) => body).join('\n')), canaries), 'sent').toEqual([]);
  // Where they are meant to be: the key file, and the files of secrets.
  // So is the host's identity in key records: sealed to the host itself, and to the code, which opens all that it opens.
  const meant = /^(state|repository\/lifeboat\/box|lifeboat\/box)\/keys\/[^:]*\.age: age identity of the host$/;
  const leaks = [
    ...leaksBelow(box.base, canaries, identities, ['etc/host.key', 'etc/secrets']),
    ...leaksBelow(place.root, canaries, identities),
  ];
  expect(leaks.filter((leak) => !meant.test(leak))).toEqual([]);
  const sealed = leaks.map((leak) => leak.replace(/:.*/, ''));
  expect(sealed.map((name) => name.split('/')[0])).toEqual(expect.arrayContaining(['state', 'lifeboat']));
  for (const name of sealed) {
    const path = [box.base, place.root].map((directory) => join(directory, name)).find((one) => existsSync(one)) ?? '';
    expect(foundIn(readFileSync(path), canaries), `${name}, as it is stored`).toEqual([]);
  }
  expect(leaksBelow(box.base, canaries, identities)).toEqual(
    expect.arrayContaining(['etc/host.key: secret of the host key', 'etc/secrets/webhook-url: webhook']),
  );
});

describe('the search finds a secret that does leak', () => {
  test('in a file, in each form; also compressed', async () => {
    await using box = await keyedSandbox();
    const canaries = canariesOf(box);
    const leak = (name: string, bytes: Buffer | string) => writeFileSync(join(box.base, name), bytes);
    const { gzipSync, zstdCompressSync } = await import('node:zlib');
    const secret = canaries['secret of the host key'] ?? Buffer.alloc(0);
    leak('plain', `{"code":"${box.code}"}`);
    leak('lower', box.code.toLowerCase().replaceAll('-', ''));
    leak('raw', Buffer.concat([Buffer.alloc(5), secret]));
    leak('hex', secret.toString('hex'));
    for (const shift of [0, 1, 2]) {
      leak(
        `base64-${shift}`,
        Buffer.concat([Buffer.alloc(shift, 'x'), secret, Buffer.alloc(9, 'y')]).toString('base64'),
      );
    }
    leak('bundle.gz', gzipSync(`passphrase ${PASSPHRASE}`));
    leak('log.zst', zstdCompressSync(Buffer.from(WEBHOOK)));
    const found = leaksBelow(box.base, canaries, [], ['etc', 'repository', 'state/keys']).map((line) =>
      line.replace(/:.*/, ''),
    );
    const leaked = ['base64-0', 'base64-1', 'base64-2', 'bundle.gz', 'hex', 'log.zst', 'lower', 'plain', 'raw'];
    expect(new Set(found)).toEqual(new Set(leaked));
  });

  test('in the command line and in the environment of a process', async () => {
    await using box = await keyedSandbox();
    const file = join(box.base, 'etc/leak');
    writeFileSync(file, box.code);
    for (const leak of [`sh -c 'sleep 1; :' "$(cat ${file})"`, `LEAK="$(cat ${file})" sh -c 'sleep 1; :'`]) {
      script(join(box.base, 'etc/hooks.d/backup/store.before.d/10-leak'), leak);
      const { processes } = await spiedOn(box, [['backup']]);
      expect(foundIn(Buffer.concat(processes), canariesOf(box)), leak).toContain('recovery code');
    }
  });
});
