/** Of two recoveries at once each would take the other's filesystems away. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockFile } from '../../src/host/file-lock.ts';
import { sandbox } from '../helpers/cli.ts';

test('a second recovery waits for nobody and touches nothing', async () => {
  await using box = await sandbox();
  box.configure('encryption: none\n');
  mkdirSync(box.state, { recursive: true });
  await using lock = await lockFile(join(box.state, 'recover.lock'));
  expect(lock).toBeDefined();
  const { code, json } = await box.ask('recover');
  expect({ code, error: json.error }).toMatchObject({ code: 6, error: { code: 'locked' } });
});
