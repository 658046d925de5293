/** LUKS headers that a point has, as a person gets at them and looks after them. */
import { readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { derive } from '../../src/keys/derive.ts';
import { parseRecoveryCode } from '../../src/keys/recovery-code.ts';
import { foundIn, leaksBelow } from '../helpers/canary.ts';
import { objectsOf, pointsOf } from '../helpers/cli.ts';
import { giveHeaders, volume } from '../helpers/escrow.ts';
import { type KeyedSandbox, provenSandbox } from '../helpers/keyed.ts';

async function withHeaders(): Promise<KeyedSandbox & { readonly image: Buffer; readonly point: string }> {
  const box = await provenSandbox();
  expect((await box.ask('backup')).code).toBe(0);
  const [point = ''] = pointsOf(box).listed;
  return { ...box, point, image: await giveHeaders(box, point) };
}

test('a header is written to a new file of its owner alone, and to no other', async () => {
  await using box = await withHeaders();
  const shown = await box.run('points', 'show', 'latest');
  expect(shown.stdout).toContain(`  kept: ${volume}`);
  expect(shown.stdout).toContain('  ! luks:third: its LUKS header is not kept: it is not known where it is');
  expect((await box.ask('points', 'show', 'latest')).json['escrow']).toMatchObject({ volumes: ['another', volume] });

  const to = join(box.base, 'header');
  const dry = await box.ask('points', 'header', 'latest', volume, '--to', to, '--dry-run');
  expect(dry).toMatchObject({ code: 0, json: { uuid: volume, dryRun: true, bytes: box.image.length } });
  expect(() => statSync(to)).toThrow();
  const written = await box.run('points', 'header', 'latest', `luks:${volume}`, '--to', to);
  expect(written).toMatchObject({ code: 0, stderr: '' });
  expect(written.stdout).toMatch(/the LUKS2 header of 0b0f.* as it was at .*, 1 d/);
  expect(written.stdout).toContain('also those that were revoked since');
  expect(written.stdout).toContain(`--header-backup-file ${to}`);
  expect(readFileSync(to).equals(box.image)).toBe(true);
  expect(statSync(to).mode & 0o777).toBe(0o600);

  writeFileSync(join(box.base, 'mine'), 'mine');
  symlinkSync(join(box.base, 'nowhere'), join(box.base, 'link'));
  for (const name of ['header', 'mine', 'link', '.'])
    expect(await box.ask('points', 'header', 'latest', volume, '--to', join(box.base, name))).toMatchObject({
      code: 1,
      json: { error: { code: 'exists' } },
    });
  expect(readFileSync(join(box.base, 'mine'), 'utf8')).toBe('mine');
  expect(() => statSync(join(box.base, 'nowhere'))).toThrow();

  for (const [uuid, message] of [
    ['third', /no LUKS header of third: its LUKS header is not kept: it is not known/],
    ['fourth', /no LUKS header of fourth$/],
  ] as const) {
    const none = await box.ask('points', 'header', 'latest', uuid, '--to', join(box.base, 'none'));
    expect(none).toMatchObject({
      code: 1,
      json: { error: { code: 'not-found', message: expect.stringMatching(message) } },
    });
    expect(none.json.error?.hint).toContain(volume);
  }
  expect((await box.ask('points', 'header', 'latest', volume)).code).toBe(2);
});

test('areas of slots are in what is sealed for them, in the file that was asked for, and nowhere else', async () => {
  await using box = await withHeaders();
  const to = join(box.base, 'header');
  const commands = [
    ['points', 'verify', 'latest'],
    ['--json', 'points', 'show', 'latest'],
    ['points', 'header', 'latest', volume, '--to', to],
    ['doctor', '--bundle', join(box.base, 'bundle.tar.gz')],
  ];
  const slot = { 'area of a slot': box.image.subarray(290_816, 290_816 + 48) };
  for (const command of commands) {
    const { code, stdout, stderr } = await box.run('--log-level', 'trace', ...command);
    expect(code, stderr).not.toBe(1);
    expect(foundIn(Buffer.from(stdout + stderr), slot)).toEqual([]);
  }
  const sealed = join(box.repository, 'lifeboat/box/escrow').slice(box.base.length + 1);
  const identities = [derive(parseRecoveryCode(box.code).secret).identity];
  const found = leaksBelow(box.base, slot, identities).sort();
  expect(found).toEqual([`header: area of a slot`, `${sealed}/${box.point}.age: area of a slot`]);
});

test('where a file cannot be written to the end, there is none, and what went wrong first is told', async () => {
  await using box = await withHeaders();
  const to = join(box.base, 'header');
  const args = ['--json', 'points', 'header', 'latest', volume, '--to', to];
  const ended = await box.start(args, { through: ['sh', '-c', 'ulimit -f 200; exec "$@"', 'sh'] }).ended;
  expect(ended).toMatchObject({ code: 1, json: { error: { message: expect.stringContaining('EFBIG') } } });
  expect(() => statSync(to)).toThrow();
});

test('a header that is lost is named by verify and by repair, and the point stays as good as its files', async () => {
  await using box = await withHeaders();
  expect(await box.ask('points', 'verify', 'latest')).toMatchObject({ code: 0 });
  rmSync(join(box.repository, `lifeboat/box/escrow/${box.point}.age`));
  const verified = await box.ask('points', 'verify', 'latest');
  expect(verified).toMatchObject({ code: 4 });
  expect(verified.json.run?.findings).toMatchObject([
    { subject: `point ${box.point}`, problem: expect.stringContaining('its LUKS headers cannot be read') },
  ]);
  expect((await box.ask('points', 'list')).json.points).toMatchObject([{ trust: 'read-back' }]);
  const plan = await box.ask('points', 'repair', '--dry-run');
  expect(JSON.stringify(plan.json)).toContain('its LUKS headers cannot be had, and stand nowhere else');
  const gone = await box.ask('points', 'header', 'latest', volume, '--to', join(box.base, 'header'));
  expect(gone).toMatchObject({ code: 1, json: { error: { code: 'not-found' } } });
  expect(() => statSync(join(box.base, 'header'))).toThrow();
});

test('it comes back with a record that was lost, counts among what a point takes, and is forgotten with it', async () => {
  await using box = await withHeaders();
  rmSync(join(box.repository, `lifeboat/box/points/${box.point}.age`));
  const digest = (await box.ask('points', 'repair', '--dry-run')).json['digest'];
  // Nothing on record, and LUKS headers beside the data: no leftover of a run that was killed.
  const pruned = await box.ask('points', 'prune', '--grace', '0s', '--dry-run');
  expect(pruned.json).toMatchObject({ remove: [], keep: [{ id: box.point, lost: true }] });
  expect((await box.ask('points', 'repair', `--yes=${String(digest)}`)).code).toBe(0);
  const to = join(box.base, 'header');
  expect(await box.ask('points', 'header', 'latest', volume, '--to', to)).toMatchObject({ code: 0 });
  expect(readFileSync(to).equals(box.image)).toBe(true);

  const plan = (await box.ask('points', 'forget', box.point, '--dry-run')).json;
  const objects = objectsOf(box).filter((key) => key.includes(box.point));
  expect(objects.filter((key) => key.includes('/escrow/'))).toHaveLength(1);
  const bytes = objects.reduce((sum, key) => sum + statSync(join(box.repository, key)).size, 0);
  expect(plan).toMatchObject({ forget: [{ id: box.point, bytes }] });
  expect((await box.ask('points', 'forget', box.point, `--yes=${String(plan['digest'])}`)).code).toBe(0);
  expect(objectsOf(box).filter((key) => key.includes(box.point))).toEqual([]);
});
