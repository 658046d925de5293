/** Rescue media by the command line: made, started by BIOS and by UEFI before they are needed, and told when they do not fit any more. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { noKeys } from '../../src/keys/keyring.ts';
import { knownMedia } from '../../src/media/known.ts';
import { bootRecordSchema, listBoots } from '../../src/point/media.ts';
import { openTarget } from '../../src/target/targets.ts';
import { isRoot, sandbox } from '../helpers/cli.ts';
import { lockWhenFree } from '../helpers/cache.ts';
import { labEmulation } from '../lab/prepared.ts';
import { qemuInPath } from '../lab/qemu-in-path.ts';
import { rescueState } from '../lab/rescue.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as a medium holds what only root can read`);

/** Of `--json`. */
const bootSchema = bootRecordSchema.extend({ files: z.string(), onRecord: z.object({ key: z.string() }) });
const checkSchema = z.object({
  drifted: z.boolean(),
  medium: z.object({ id: z.string(), stale: z.array(z.object({ subject: z.string() })), proven: z.object({}).loose() }),
});

/** Tests that run at the same time mount things on this machine, and take them away. */
const ofHost = ({ subject }: { readonly subject: string }): boolean => subject !== 'layout';

test.skipIf(!isRoot)(
  'a medium is made and proven by BIOS, starts by UEFI, is on record, and is stale when the host has changed',
  { timeout: 3_600_000 },
  async ({ signal }) => {
    await using box = await sandbox();
    box.configure('encryption: none\n');
    const { accelerator } = await labEmulation(signal);
    mkdirSync(join(rescueState, 'rescue/cache'), { recursive: true });
    mkdirSync(join(box.state, 'rescue'), { recursive: true });
    // As it is known here after one try.
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    if (accelerator === 'tcg') writeFileSync(join(box.state, 'rescue/kvm-failed'), bootId);
    symlinkSync(join(rescueState, 'rescue/cache'), join(box.state, 'rescue/cache'));
    const env = { PATH: await qemuInPath(box.base) };
    const ask = async (...args: string[]) => await box.start(['--json', '--quiet', ...args], { env }).ended;
    const image = join(box.base, 'rescue.iso');
    const build = ['rescue', 'build', '--output', image, '--kernel', 'debian'];
    {
      await using _lock = await lockWhenFree(join(rescueState, 'making'));
      const made = await ask(...build);
      expect({ code: made.code, said: made.stdout }).toMatchObject({ code: 0 });
    }
    const [unproven] = await knownMedia(box.state);
    expect(unproven).toMatchObject({ boots: [], output: image, as: 'iso', ownKernel: false });
    // Nobody has seen it start yet, so another is made and tried; the machine that starts the first one keeps that.
    const [booted, built] = await Promise.all([
      ask('rescue', 'boot', image, '--firmware', 'uefi'),
      ask(...build, '--when-stale', '--prove', 'bios'),
    ]);
    expect({ code: built.code, said: built.stdout }).toMatchObject({ code: 0 });
    const first = bootSchema.parse(built.json['boot']);
    expect(first.checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(first).toMatchObject({ passed: true, firmware: 'bios', as: 'iso', memoryMiB: 1024 });
    expect(readFileSync(join(first.files, 'screen.png')).toString('latin1', 1, 4)).toBe('PNG');
    expect(readFileSync(join(first.files, 'serial.log'), 'utf8')).toContain('lifeboat rescue for');

    expect({ code: booted.code, said: booted.stdout }).toMatchObject({ code: 0 });
    const second = bootSchema.parse(booted.json);
    expect(second).toMatchObject({ passed: true, firmware: 'uefi', medium: { id: unproven?.medium.id } });
    expect(second.checks.map(({ name }) => name)).toEqual(
      'firmware medium content programs modules disks ssh captures doctor'.split(' '),
    );
    await using target = await openTarget(box.repository, {}, signal);
    const records = await listBoots({ target, keys: noKeys }, 'box', signal);
    expect(new Set(records.map(({ firmware, medium }) => `${firmware} ${medium.id} ${medium.digest}`))).toEqual(
      new Set([first, second].map(({ firmware, medium }) => `${firmware} ${medium.id} ${medium.digest}`)),
    );
    const known = (await knownMedia(box.state)).map(({ medium, boots }) => [medium.id, boots[0]?.firmware]);
    expect(known).toEqual([
      [first.medium.id, 'bios'],
      [second.medium.id, 'uefi'],
    ]);

    expect((await ask('backup')).code).toBeLessThanOrEqual(4);
    const fits = await ask('check');
    const { medium: fitting } = checkSchema.parse(fits.json);
    expect({ id: fitting.id, stale: fitting.stale.filter(ofHost) }).toEqual({ id: first.medium.id, stale: [] });
    // What was made for a layout that has just changed fits from then on.
    const again = async () => (await ask(...build, '--when-stale', '--prove')).json['made'];
    const made = [await again()];
    while (made.at(-1) !== false && made.length < 5) made.push(await again());
    expect(made.at(-1)).toBe(false);
    writeFileSync(box.config, `${readFileSync(box.config, 'utf8')}# changed\n`);
    const stale = await ask('check');
    expect(stale.code).toBe(3);
    expect(checkSchema.parse(stale.json).medium.stale.filter(ofHost)).toEqual([{ subject: 'configuration' }]);
    expect(existsSync(image)).toBe(true);
  },
);
