/** What recovery refuses: in one rescue system, one after the other, and not a byte of a disk is written by any of it. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Host } from '../../../src/host/host.ts';
import { localHost } from '../../../src/host/local.ts';
import { formatRecoveryCode, newRecoveryCode } from '../../../src/keys/recovery-code.ts';
import { imagesOf } from '../../../src/qemu/image.ts';
import { isRoot } from '../../helpers/cli.ts';
import { makeImages } from '../lab.ts';
import { labEmulation } from '../prepared.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { inRescue, mediumOf, startRecovery, writableRepository } from '../recovery.ts';
import { protectedSource } from '../source/protect.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as a medium holds what only root can read`);
const { signal } = new AbortController();
const GIB = 1024 ** 3;

const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

test.skipIf(!isRoot)('what cannot be done is refused before the first write', { timeout: 7_200_000 }, async () => {
  const source = await protectedSource({ layout: 'small', firmware: 'bios' }, signal);
  const { file: medium } = await mediumOf(source, {}, signal);
  await using machine = await startRecovery(source, { disks: [{ serial: 'SMALL', bytes: GIB / 2 }], medium }, signal);
  await using host = await machine.rescue(signal);
  const refused = async (words: readonly string[], code = source.code) => {
    const ended = await inRescue(host, { code }, ['--json', '--quiet', ...words], signal);
    expect(ended.code, ended.stdout + ended.stderr).not.toBe(0);
    return { status: ended.code, ...errorSchema.parse(JSON.parse(ended.stdout)).error };
  };
  const recover = ['--yes', 'recover', '--after', 'nothing'] as const;
  const repository = await writableRepository(host, signal);

  const hostNamed = (name: string) => ['--repository', `file://${repository}`, '--host', name] as const;
  const early: Record<string, string> = {
    'a disk that is too small': (await refused(recover)).code,
    'a code with a slip of the pen': (await refused(recover, source.code.replace(/.$/, swapped))).code,
    'the code of somebody else': (await refused(recover, formatRecoveryCode(newRecoveryCode()))).code,
    'a host that has no points': (await refused([...hostNamed('somebody-else'), ...recover])).code,
    'a point that there is not': (await refused([...recover, '--point', '20200101T000000Z'])).code,
  };
  expect(early).toEqual({
    'a disk that is too small': 'no-space',
    'a code with a slip of the pen': 'usage',
    'the code of somebody else': 'no-key',
    'a host that has no points': 'not-found',
    'a point that there is not': 'not-found',
  });

  // A disk that is large enough: from here on only what is wrong with the repository stands in the way.
  await using work = await temporaryDirectory();
  const { qemu } = await labEmulation(signal);
  const [large] = await makeImages(qemu, work.path, [{ serial: 'LARGE', bytes: 4 * GIB }], signal);
  if (large === undefined) throw new Error('no disk');
  await machine.machine.addDisk(large, signal);
  const seen = 'until lsblk -dno SERIAL | grep -q LARGE; do sleep 0.2; done; udevadm settle';
  await host.run(['sh', '-c', seen], {}, signal);
  // What holds the repository cannot be seen through what is laid over it here.
  const less = ['--exclude', 'disk:REPO'] as const;
  const plan = await inRescue(host, source, ['--json', 'recover', '--dry-run', ...less], signal);
  expect(plan.code, plan.stdout).toBe(0);
  const { digest } = z.object({ digest: z.string() }).parse(JSON.parse(plan.stdout));

  // Consent to another plan, and none where nobody can be asked.
  const wrong = digest.replace(/^./, (first) => (first === '0' ? '1' : '0'));
  expect(await refused([`--yes=${wrong}`, 'recover', '--after', 'nothing', ...less])).toMatchObject({ status: 5 });

  const codes: Record<string, string> = {};
  for (const [kind, { damage, of }] of Object.entries(damages)) {
    await host.run(['bash', '-ec', `cd ${repository}; ${damage}`], {}, signal);
    const words = of === undefined ? [] : hostNamed(of);
    codes[kind] = (await refused([...words, `--yes=${digest}`, 'recover', '--after', 'nothing', ...less])).code;
    await undone(host);
  }
  expect(codes).toEqual(Object.fromEntries(Object.entries(damages).map(([kind, { code }]) => [kind, code])));
  await machine[Symbol.asyncDispose]();
  const { bytesUsed } = await imagesOf(qemu, localHost()).info(large.file, signal);
  expect(bytesUsed).toBeLessThan(1024 ** 2);

  async function undone(own: Host): Promise<void> {
    expect(await writableRepository(own, signal)).toBe(repository);
  }
});

/** Another letter of the alphabet of codes. */
const swapped = (last: string): string => (last === 'A' ? 'B' : 'A');

const flip = (file: string): string =>
  `file=${file}; half=$(($(stat -c %s "$file") / 2)); printf '\\377\\376\\375' | dd of="$file" bs=1 seek=$half conv=notrunc status=none`;

/** `of`: whose point is asked for. */
const damages: Readonly<Record<string, { readonly damage: string; readonly code: string; readonly of?: string }>> = {
  'a damaged archive': { damage: flip('$(ls tar/*/*.tar.zst.age)'), code: 'archive-damaged' },
  'a damaged manifest': { damage: flip('$(ls tar/*/*.manifest.zst.age)'), code: 'archive-damaged' },
  'a forged record': { damage: flip('$(ls lifeboat/*/points/*)'), code: 'record-damaged' },
  'captures that are gone': { damage: 'rm lifeboat/*/captures/*', code: 'not-found' },
  'the point of another host, put under a name of its own': {
    damage: 'host=$(ls tar); for one in lifeboat tar; do cp -a "$one/$host" "$one/another"; done',
    // A record opens under its own name only.
    code: 'record-damaged',
    of: 'another',
  },
  'no archive': { damage: 'rm tar/*/*.tar.zst.age', code: 'archive-damaged' },
};
