import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import { newId } from '../../src/kernel/ids.ts';
import { inParallel } from '../../src/kernel/parallel.ts';
import { noSecrets } from '../../src/kernel/secret.ts';
import { putAttestation } from '../../src/point/attestations.ts';
import { putPoint } from '../../src/point/records.ts';
import { openConfigured } from '../../src/steps/repository.ts';
import { madeData, madeDescription, madeVerification } from '../helpers/points.ts';
import { sftpPlace } from '../helpers/sftp-place.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import type { Pairing } from './paired.ts';

const POINTS = 1000;

/**
 * `lifeboat points list` of a thousand points, encrypted, signed and each verified, at a real SFTP server, against
 * OpenSSH's `sftp` that fetches the same records.
 */
export async function pointsList(): Promise<Pairing> {
  await using stack = new AsyncDisposableStack();
  const place = stack.use(await sftpPlace());
  const base = stack.use(await temporaryDirectory()).path;
  const config = join(base, 'lifeboat.yaml');
  const lifeboat = join(import.meta.dirname, '../../bin/lifeboat.js');
  const options = [lifeboat, '--config', config, '--state-dir', join(base, 'state')];
  const init = ['init', '--repository', place.root, '--host', 'box', '--include', '/etc'];
  const made = spawnSync(process.execPath, [...options, ...init], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (made.status !== 0) throw new Error('init failed');
  await writeRecords(config);
  const ssh = { identityFile: place.sshd.privateKeyPath, knownHosts: place.knownHosts };
  writeFileSync(config, readFileSync(config, 'utf8').replace(/^repository: .*$/m, `repository: ${place.url()}`));
  appendFileSync(config, `\nssh: ${JSON.stringify(ssh)}\n`);
  const batch = join(base, 'batch');
  const folder = `${place.root}/lifeboat/box`;
  writeFileSync(batch, `get -r ${folder}/points ${base}/points\nget -r ${folder}/attestations ${base}/attestations\n`);
  const login = ['-i', ssh.identityFile, '-P', String(place.sshd.port), '-o', `UserKnownHostsFile=${ssh.knownHosts}`];
  const owned = stack.move();
  return {
    ours: [process.execPath, ...options, 'points', 'list'],
    peer: ['sftp', '-q', ...login, '-b', batch, `${place.sshd.user}@127.0.0.1`],
    rounds: 5,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function writeRecords(config: string): Promise<void> {
  const { signal } = new AbortController();
  const opening = { say: () => {}, secrets: noSecrets };
  await using repository = await openConfigured(await loadConfig(config), opening, signal);
  // All of one time: which is the latest must not depend on the order in which they arrive.
  const made = new Date();
  const ids = Array.from({ length: POINTS }, () => newId(made));
  await inParallel(ids, 8, async (id) => {
    const description = { ...madeDescription(id), createdAt: made.toISOString() };
    await putPoint(repository, description, madeData, signal);
    await putAttestation(repository, 'box', madeVerification(id), signal);
  });
}
