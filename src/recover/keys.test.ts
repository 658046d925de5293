import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backedUp, type Sandbox, sandbox } from '../../test/helpers/cli.ts';
import { loadConfig } from '../config/load.ts';
import { asLifeboatError } from '../kernel/errors.ts';
import { noSecrets, Secret, type SecretSource } from '../kernel/secret.ts';
import { parseLayout } from '../layout/types.ts';
import { findPoint } from '../point/find.ts';
import type { Point } from '../point/point.ts';
import { openConfigured, type OpenRepository } from '../steps/repository.ts';
import type { Plan } from '../layout/rebuild/document.ts';
import { keysFor, withKeys } from '../steps/recover-keys.ts';
import { keyFiles, namesFor, openedByEscrow, wantedPassphrase, withEscrow } from './keys.ts';

const { signal } = new AbortController();
let box: Sandbox;
let repository: OpenRepository;
let point: Point;

beforeAll(async () => {
  box = await sandbox();
  await mkdir(join(box.source, 'keys'));
  await writeFile(join(box.source, 'keys/data'), 'key of data');
  await writeFile(join(box.source, 'keys/many'), Buffer.from('0123456789abcdef'));
  await backedUp(box);
  repository = await openConfigured(await loadConfig(box.config), { say: () => undefined, secrets: noSecrets }, signal);
  ({ point } = await findPoint(repository, 'box', 'latest', signal));
});
afterAll(async () => {
  await repository[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

/** A volume for each line of crypttab: UUID, key, options. */
function volumes(...lines: readonly (readonly [uuid: string, key: string, options?: string])[]) {
  const components = lines.flatMap(([uuid, key, options = 'luks'], index) => {
    const disk = { kind: 'disk', id: `disk:${index}`, on: [], device: `/dev/vd${index}`, sizeBytes: 1 };
    const rest = { rotational: false, removable: false, readOnly: false };
    const crypttab = { name: `c${index}`, spec: `UUID=${uuid}`, key, options };
    const luks = { kind: 'luks', id: `luks:${uuid}`, on: [disk.id], uuid, sizeBytes: 1, open: true, crypttab };
    return [{ ...disk, ...rest }, luks];
  });
  return parseLayout({ format: 'lifeboat.layout/1', capturedAt: '2026-11-22T06:00:00.000Z', components, gaps: [] });
}

async function keysOf(layout: ReturnType<typeof volumes>, secrets: SecretSource = noSecrets) {
  const names = layout.components.flatMap((one) => (one.kind === 'luks' ? [`luks-key:${one.uuid}`] : []));
  const directory = join(box.base, 'memory');
  const { keys } = await keyFiles(names, layout, { repository, point, directory, secrets }, signal);
  const files = Object.entries(keys).map(async ([uuid, file]) => {
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    return [uuid, (await readFile(file)).toString()] as const;
  });
  return Object.fromEntries(await Promise.all(files));
}

test('key files come out of the point, as much of them as crypttab says', async () => {
  const many = `${box.source}/keys/many`;
  const layout = volumes(
    ['1-a', `${box.source}/keys/data`],
    ['1-b', many, 'luks,keyfile-offset=4,keyfile-size=3'],
    ['1-c', many, 'luks,keyfile-offset=10'],
  );
  expect(await keysOf(layout)).toEqual({ '1-a': 'key of data', '1-b': '456', '1-c': 'abcdef' });
});

test.each([
  ['a file that the point has not', '/media/stick/key', 'is not in the point'],
  ['a device', '/dev/urandom', 'crypttab names no key file'],
  ['what is typed', 'none', 'crypttab names no key file'],
])('%s opens nothing; a passphrase that was given does', async (_, key, why) => {
  const layout = volumes(['2-a', key]);
  const failure = asLifeboatError(await keysOf(layout).catch((error: unknown) => error));
  expect(failure).toMatchObject({ code: 'no-key' });
  expect(failure.message).toContain(why);
  expect(wantedPassphrase(failure)).toBe('2-a');
  const secrets = { get: (name: string) => (name === 'luks-2-a' ? new Secret('typed by a person') : undefined) };
  expect(await keysOf(layout, secrets)).toEqual({ '2-a': 'typed by a person' });
});

test('they are gone with what needed them, also where that fails, and are made again for who goes on', async () => {
  const layout = volumes(['4-a', `${box.source}/keys/data`]);
  const directory = join(box.base, 'passing');
  const config = await loadConfig(box.config);
  const surroundings = { say: () => undefined, secrets: noSecrets, signal };
  const place = { state: { config, point }, surroundings, directory };
  const plan = { layout, actions: [openingAction('4-a')] };
  const files = await keysFor(namesFor(plan), layout, place);
  const file = files.keys['4-a'] ?? '';
  const refused = withKeys(plan, files, place, async () => {
    expect((await readFile(file)).toString()).toBe('key of data');
    throw new Error('refused');
  });
  await expect(refused).rejects.toThrow('refused');
  expect(existsSync(directory)).toBe(false);
  // As another process finds it that goes on.
  expect(await withKeys(plan, files, place, async () => (await readFile(file)).toString())).toBe('key of data');
  expect(existsSync(directory)).toBe(false);
  // One of two cannot be had.
  const both = volumes(['4-a', `${box.source}/keys/data`], ['4-b', 'none']);
  await expect(keysFor(['luks-key:4-a', 'luks-key:4-b'], both, place)).rejects.toMatchObject({ code: 'no-key' });
  expect(existsSync(directory)).toBe(false);
});

function openingAction(uuid: string): Plan['actions'][number] {
  const commands: Plan['actions'][number]['commands'] = [
    { argv: ['cryptsetup', 'open'], stdin: { given: `luks-key:${uuid}` } },
  ];
  return { id: 'open', title: 'open', component: `luks:${uuid}`, writes: [], commands };
}

test('a key that is kept with the point stands in for what nobody can type, and for a file that is lost', () => {
  const layout = volumes(['3-a', 'none'], ['3-b', '/etc/keys/b'], ['3-c', 'none']);
  const escrow = { readAt: point.createdAt, volumes: ['3-a', '3-b', '3-c'], missing: [], volumeKeys: ['3-a', '3-b'] };
  const opened = (lost?: ReadonlySet<string>) =>
    openedByEscrow(layout, { ...point, escrow }, lost).components.flatMap((one) =>
      one.kind === 'luks' && one.opener === 'volume-key' ? [one.uuid] : [],
    );
  expect(opened()).toEqual(['3-a']);
  expect(opened(new Set(['3-b']))).toEqual(['3-a', '3-b']);
});

test('where the file is not in the point it is done again with the key that is kept, and fails where none is', async () => {
  const layout = volumes(['5-a', '/media/stick/key'], ['5-b', '/media/stick/key']);
  const kept = (...volumeKeys: string[]) => {
    const escrow = { readAt: point.createdAt, volumes: ['5-a', '5-b'], missing: [], volumeKeys };
    const asked: string[][] = [];
    const work = async (lost: ReadonlySet<string>): Promise<string> => {
      const { components } = openedByEscrow(layout, { ...point, escrow }, lost);
      const left = components.flatMap((one) => (one.kind === 'luks' && one.opener === undefined ? [one.uuid] : []));
      asked.push([...lost]);
      for (const uuid of left)
        await keysFor([`luks-key:${uuid}`], layout, { state, surroundings, directory: join(box.base, 'kept') });
      return 'opened';
    };
    return { asked, done: withEscrow({ escrow }, work) };
  };
  const config = await loadConfig(box.config);
  const surroundings = { say: () => undefined, secrets: noSecrets, signal };
  const state = { config, point };
  const both = kept('5-a', '5-b');
  expect(await both.done).toBe('opened');
  expect(both.asked).toEqual([[], ['5-a'], ['5-a', '5-b']]);
  const one = kept('5-a');
  await expect(one.done).rejects.toMatchObject({ code: 'no-key', message: expect.stringContaining('5-b') });
});
