import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { output } from '../../test/helpers/child-process.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { sshKey } from './ssh-key.ts';

test('OpenSSH takes it for what it is', async () => {
  await using directory = await temporaryDirectory();
  const { publicLine, privateText } = sshKey(Buffer.alloc(32, 7));
  const file = join(directory.path, 'key');
  await writeFile(file, privateText.reveal(), { mode: 0o600 });
  expect((await output('ssh-keygen', '-y', '-f', file)).trim()).toBe(publicLine);
  expect(sshKey(Buffer.alloc(32, 7)).publicLine).toBe(publicLine);
});

test('ssh2 signs with it, whatever the seed', () => {
  for (let round = 0; round < 600; round += 1) {
    const { publicLine, privateText } = sshKey(randomBytes(32));
    const [key, known] = [ssh2.utils.parseKey(privateText.reveal()), ssh2.utils.parseKey(publicLine)];
    if (key instanceof Error || known instanceof Error) return expect.fail('not a key');
    expect(known.verify(Buffer.from('text'), key.sign(Buffer.from('text')))).toBe(true);
  }
});
