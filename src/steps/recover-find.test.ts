/** What a recovery looks at before it touches anything: which point, whether it is whole, and who may agree for nobody. */
import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Sandbox, backedUp, sandbox } from '../../test/helpers/cli.ts';
import { runSteps } from '../../test/helpers/run-steps.ts';
import { loadConfig } from '../config/load.ts';
import { localHost } from '../host/local.ts';
import { partsOf } from '../recover/request.ts';
import { findForRecovery, verifyForRecovery } from './recover-find.ts';

const host = localHost();
const parts = partsOf({ mountOnly: false, layoutOnly: false, filesOnly: false });
const names = { map: [], only: [], exclude: [], rewrite: [] };
const plain = { repositories: [], names, grow: false, clone: false, parts };
let box: Sandbox;

beforeAll(async () => {
  box = await backedUp(await sandbox());
});
afterAll(async () => {
  await box[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

async function found(more: object, signal: AbortSignal, config: object = {}) {
  const given = {
    config: { ...(await loadConfig(box.config)), ...config },
    recoverRequest: { ...plain, ...more },
    hostName: 'box',
    pointName: 'latest',
  };
  return await runSteps([findForRecovery, verifyForRecovery], given, { stateDir: box.state, host }, signal);
}

test('the first repository that answers is taken, and all of the point is read', async ({ signal }) => {
  const gone = `file://${join(box.base, 'gone')}`;
  const { error, state } = await found({ repositories: [`file://${box.repository}`] }, signal, { repository: gone });
  expect(error).toBeUndefined();
  expect(state.config?.repository).toBe(`file://${box.repository}`);
  expect(state.captured?.layout.components.length).toBeGreaterThan(0);
  expect(state.tried).toMatchObject({ how: 'whole' });
  expect(state.tried?.storedBytes).toBe(state.point?.data.storedBytes);
  expect(state.phases?.map(({ name }) => name)).toEqual(['find', 'verify']);
});

test('where none answers, that is told of the first', async ({ signal }) => {
  const [one, two] = ['one', 'two'].map((name) => `file://${join(box.base, name)}`);
  const { error } = await found({ repositories: [two] }, signal, { repository: one });
  expect(error?.message).toContain('/one');
});

test('an archive with one other byte is refused, though it was right when it was read back', async ({ signal }) => {
  const folder = join(box.repository, 'tar/box');
  const archive = (await readdir(folder)).find((name) => name.includes('.tar.')) ?? '';
  const file = join(folder, archive);
  const kept = join(box.base, 'kept');
  await copyFile(file, kept);
  const bytes = await readFile(file);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  await rm(file);
  await writeFile(file, bytes);
  try {
    const { error } = await found({}, signal);
    expect(error).toMatchObject({ code: 'archive-damaged' });
    expect(error?.message).toContain('nothing was touched');
    // What reads no archive has no need of a whole one.
    expect((await found({ parts: ['mount'] }, signal)).state.tried).toMatchObject({ how: 'none' });
  } finally {
    await rm(file);
    await copyFile(kept, file);
  }
});

const named = { consent: { serials: ['S1'], slots: [] }, after: 'reboot', repositories: [] };

test.each([
  ['without a configuration, blank disks', { policies: ['ask'] }, {}, ['blank-disks', 'ask']],
  ['of one that is not signed, blank disks', { policies: [], configuration: true }, {}, ['blank-disks']],
  ['none where the medium says that there was a signed one', { policies: [], signed: true }, {}, ['ask']],
  ['of one in place of a signed one, none', { policies: [], configuration: true, signed: true }, {}, ['ask']],
  ['of one that is not signed, no others', { policies: [], configuration: true }, { recover: named }, ['ask']],
] as const)('%s', async (_, { policies, ...unattended }, config, expected) => {
  const { signal } = new AbortController();
  const configuration = 'configuration' in unattended ? { configuration: box.config } : {};
  const signed = 'signed' in unattended ? { signed: true } : {};
  const { state, error } = await found({ unattended: { policies, ...configuration, ...signed } }, signal, config);
  expect(error).toBeUndefined();
  expect(state.policies).toEqual(expected);
});
