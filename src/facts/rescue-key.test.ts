import { mkdir, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { localHost } from '../host/local.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { rescueKey } from './rescue-key.ts';

// What ssh-keygen -l says of it.
const line = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE+b+5nfYEtRwnteURSrdicrw4JxKwagHz6+tGX341jn lifeboat rescue\n';
const fingerprint = 'SHA256:b4Wv808gbhinNo9eVr/FSnKIvdRrksk5W7qIaywPWUg';

test('the fingerprint is the one that ssh shows; without a medium there is none', async ({ signal }) => {
  await using temporary = await temporaryDirectory();
  await using host = localHost();
  expect(await rescueKey(temporary.path, host, signal)).toBeUndefined();
  await mkdir(`${temporary.path}/rescue`);
  await writeFile(`${temporary.path}/rescue/ssh_host_ed25519_key.pub`, line);
  expect(await rescueKey(temporary.path, host, signal)).toBe(fingerprint);
});
