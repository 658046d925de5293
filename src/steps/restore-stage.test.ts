import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { localHost } from '../host/local.ts';
import {
  createdLog,
  makeDestination,
  openStaging,
  readNotes,
  type Staging,
  stageOf,
  stagingIn,
  undoStaging,
} from './restore-stage.ts';

test('undo takes back what was moved, and nothing that somebody else made under the name', async ({ signal }) => {
  await using at = await temporaryDirectory();
  await using host = localHost();
  const staging: Staging = { directory: at.path, made: false, pointId: 'p', crossings: [] };
  const stage = stageOf(staging).directory;
  const here = (name: string) => join(at.path, name);
  {
    await using _lock = await openStaging(staging);
    using created = createdLog(staging);
    for (const name of ['moved', 'moved and replaced', 'not moved', 'not noted']) {
      writeFileSync(join(stage, name), name);
      if (name !== 'not noted') created.note(name, lstatSync(join(stage, name), { bigint: true }));
      if (name.startsWith('moved')) renameSync(join(stage, name), here(name));
    }
    mkdirSync(join(stage, 'd'));
    created.note('d', lstatSync(join(stage, 'd'), { bigint: true }));
    renameSync(join(stage, 'd'), here('d'));
    writeFileSync(here('d/x'), 'x');
  }
  appendFileSync(join(stagingIn(at.path, 'p'), 'created'), '\n{"path":"not noted","bo');
  rmSync(here('moved and replaced'));
  for (const name of ['moved and replaced', 'not moved', 'not noted']) writeFileSync(here(name), 'mine');
  await undoStaging(host, staging, signal);
  expect(readdirSync(at.path).sort()).toEqual(['moved and replaced', 'not moved', 'not noted']);
});

test('a directory that is made for a restore is never there without a note of that', async ({ signal }) => {
  await using at = await temporaryDirectory();
  await using host = localHost();
  const staging: Staging = { directory: join(at.path, 'new'), made: true, pointId: 'p', crossings: [] };
  const notes = { run: 'r', digest: 'd', agreed: [], made: true };
  const seen: string[] = [];
  const watcher = watch(at.path, (_, name) => seen.push(String(name)));
  await makeDestination(staging, notes);
  while (seen.length === 0) await setTimeout(10);
  watcher.close();
  expect(await readNotes(staging)).toEqual(notes);
  expect(readdirSync(at.path)).toEqual(['new']);
  await makeDestination(staging, { ...notes, run: 'another' });
  expect(await readNotes(staging)).toEqual(notes);
  await undoStaging(host, staging, signal);
  // Whoever may make names beside it does not lead it elsewhere.
  for (const name of [String(seen[0]), 'new']) {
    symlinkSync('/tmp', join(at.path, name));
    await expect(makeDestination(staging, notes)).rejects.toMatchObject({ code: 'refused' });
    unlinkSync(join(at.path, name));
  }
  // As if it had been killed before the directory had its name.
  await makeDestination(staging, notes);
  const [fresh = ''] = seen;
  renameSync(staging.directory, join(at.path, fresh));
  await undoStaging(host, staging, signal);
  expect(readdirSync(at.path)).toEqual([]);
});
