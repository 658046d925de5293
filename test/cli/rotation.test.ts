/** What is stored after a rotation needs no key of before, also without lifeboat; and what a check of the code does not depend on. */
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { identityText } from '../../src/age/age.ts';
import { derive } from '../../src/keys/derive.ts';
import { parseRecoveryCode } from '../../src/keys/recovery-code.ts';
import { findAge } from '../helpers/age.ts';
import { hastenDate, shiftArrival } from '../helpers/clock.ts';
import { type KeyedSandbox, keyedSandbox, newCodeIn } from '../helpers/keyed.ts';

hastenDate();

/** Backs up; what the new point builds upon. */
async function backup(box: KeyedSandbox): Promise<{ readonly id: string; readonly base?: string }> {
  expect((await box.ask('backup')).code).toBeOneOf([0, 4]);
  return JSON.parse((await box.ask('points', 'list')).stdout).points.at(-1);
}

test('the first point after a rotation is a full one', { timeout: 300_000 }, async () => {
  await using box = await keyedSandbox();
  const age = join(await findAge(), 'age');
  const decrypt = (identities: readonly string[], path: string) => {
    const file = join(box.base, 'identities');
    writeFileSync(file, `${identities.join('\n')}\n`, { mode: 0o600 });
    return spawnSync(age, ['-d', '-i', file, join(box.repository, path)]);
  };
  const archive = (id: string) => `tar/box/${id}.tar.zst.age`;

  const first = await backup(box);
  expect((await backup(box)).base).toBe(first.id);
  const code = newCodeIn(await box.ask('key', 'rotate'));
  const identity = identityText(derive(parseRecoveryCode(code).secret).identity);
  const second = await backup(box);
  expect(second.base).toBeUndefined();
  expect(decrypt([identity], archive(second.id)).status).toBe(0);
  expect((await backup(box)).base).toBe(second.id);

  expect(decrypt([identity], archive(first.id)).status).toBe(1);
  const record = readdirSync(join(box.repository, 'lifeboat/box/keys')).toSorted().at(-1);
  const { document } = JSON.parse(decrypt([identity], `lifeboat/box/keys/${record}`).stdout.toString());
  expect(decrypt(JSON.parse(document).retired.identities, archive(first.id)).status).toBe(0);

  expect((await box.withCode(code, 'key', 'rotate', '--host-key')).code).toBe(0);
  expect((await backup(box)).base).toBeUndefined();
});

test('which point is the latest may be uncertain: the code is proven all the same', { timeout: 300_000 }, async () => {
  await using box = await keyedSandbox();
  const first = await backup(box);
  await delay(1100);
  const second = await backup(box);
  shiftArrival(box, first.id, 3_600_000);
  expect((await box.ask('points', 'show', 'latest')).json.error?.code).toBe('usage');
  expect(await box.withCode(box.code, 'key', 'check')).toMatchObject({ code: 0, json: { point: second.id } });
});
