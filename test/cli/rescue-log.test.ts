/** What a rescue system has logged is kept where somebody finds it afterwards: in a directory, or with the host's records. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { parseRecoveryCode } from '../../src/keys/recovery-code.ts';
import { keyringOfRecoveryCode } from '../../src/keys/ring.ts';
import { LOG_FORMAT, logRecordSchema } from '../../src/point/logs.ts';
import { readRecord } from '../../src/point/record-objects.ts';
import { openTarget } from '../../src/target/targets.ts';
import { isRoot } from '../helpers/cli.ts';
import { keyedSandbox } from '../helpers/keyed.ts';

const placeSchema = z.object({ place: z.string() });

if (!isRoot) console.log(`${import.meta.filename}: left out, as only root may read what the kernel says`);

test.skipIf(!isRoot)(
  'logs of runs and of the kernel are copied, and kept in the repository sealed',
  async ({ signal }) => {
    await using box = await keyedSandbox();
    const { run } = (await box.withCode(box.code, 'backup')).json;
    const copied = await box.ask('rescue', 'log', '--to', join(box.base, 'kept'));
    expect({ code: copied.code, said: copied.stdout }).toMatchObject({ code: 0 });
    const { place } = placeSchema.parse(copied.json);
    expect(readdirSync(place)).toEqual(expect.arrayContaining(['kernel.log', 'runs']));
    expect(readFileSync(join(place, 'runs', run?.id ?? '', 'log.ndjson'), 'utf8')).toContain('backup');

    const kept = await box.withCode(box.code, 'rescue', 'log');
    expect({ code: kept.code, said: kept.stdout }).toMatchObject({ code: 0 });
    const { place: key } = placeSchema.parse(kept.json);
    expect(key).toMatch(/^lifeboat\/box\/logs\/.*\.age$/);
    expect(readFileSync(join(box.repository, key)).includes('kernel.log')).toBe(false);
    // Another machine reads it with the code alone.
    await using target = await openTarget(`file://${box.repository}`, {}, signal);
    const keys = keyringOfRecoveryCode(parseRecoveryCode(box.code));
    const record = await readRecord({ target, keys }, key, logRecordSchema, LOG_FORMAT, signal);
    expect(record.files.map(({ name }) => name)).toContain('kernel.log');
    // A record more spoils nothing of what is there.
    expect((await box.ask('points', 'list')).json.points).toHaveLength(1);
  },
);

test.skipIf(!isRoot)('a directory that cannot be made is told', async () => {
  await using box = await keyedSandbox();
  const nowhere = await box.ask('rescue', 'log', '--to', '/proc/nowhere');
  expect(nowhere.code).toBe(1);
  expect(nowhere.json.error).toMatchObject({ code: 'command-failed' });
});
