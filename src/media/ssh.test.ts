import { expect, test } from 'vitest';
import { output } from '../../test/helpers/child-process.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { hostKeyIn, ownHostKeys } from './ssh.ts';

test('the rescue system has a key of its own, which stays the same', async () => {
  await using temporary = await temporaryDirectory();
  const first = await hostKeyIn(temporary.path);
  expect(await hostKeyIn(temporary.path)).toEqual(first);
  const said = await output('ssh-keygen', '-l', '-f', `${temporary.path}/ssh_host_ed25519_key.pub`);
  expect(said).toContain(` ${first.fingerprint} `);
  // The private half is of that public one.
  const half = await output('ssh-keygen', '-y', '-f', `${temporary.path}/ssh_host_ed25519_key`);
  expect(first.files[1]?.content.toString().split(' ')[1]).toBe(half.trim().split(' ')[1]);
  expect(first.files.map(({ path, mode }) => `${path} ${mode?.toString(8)}`)).toEqual([
    '/etc/ssh/ssh_host_ed25519_key 600',
    '/etc/ssh/ssh_host_ed25519_key.pub undefined',
  ]);
});

test("the host's own keys, all of them, where that is asked for", async () => {
  await using temporary = await temporaryDirectory();
  await expect(ownHostKeys(temporary.path)).rejects.toMatchObject({ code: 'not-found' });
  for (const type of ['ed25519', 'ecdsa']) {
    await output('ssh-keygen', '-q', '-t', type, '-N', '', '-f', `${temporary.path}/ssh_host_${type}_key`);
  }
  const { fingerprint, files } = await ownHostKeys(temporary.path);
  expect(await output('ssh-keygen', '-l', '-f', `${temporary.path}/ssh_host_ed25519_key.pub`)).toContain(fingerprint);
  expect(files.map(({ path }) => path)).toEqual([
    '/etc/ssh/ssh_host_ecdsa_key',
    '/etc/ssh/ssh_host_ecdsa_key.pub',
    '/etc/ssh/ssh_host_ed25519_key',
    '/etc/ssh/ssh_host_ed25519_key.pub',
    '/etc/ssh/sshd_config.d/keys.conf',
  ]);
});
