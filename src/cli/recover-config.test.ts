import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { recoveryConfig, repositoriesOf, sourcesOf } from './recover-config.ts';

const recover = {
  consent: { serials: ['S1'], slots: [] },
  after: 'poweroff',
  repositories: ['file:///other'],
} as const;
const onMedium = { host: 'web1', repository: 'file:///own', backup: { include: ['/'] }, recover };
const told = 'file:///told';

async function globalsIn(directory: string) {
  const config = join(directory, 'lifeboat.yaml');
  return { config, stateDir: directory, json: true, dryRun: false, quiet: false, logLevel: 'info', color: false };
}

test('a repository that the loader tells is another, and nothing else of the configuration is', async () => {
  await using directory = await temporaryDirectory();
  const globals = await globalsIn(directory.path);
  await writeFile(globals.config, JSON.stringify(onMedium), { mode: 0o600 });
  const sources = sourcesOf(globals, told);
  // Named there, it would stand for the whole configuration, and for its policy.
  expect(sources.globals.repository).toBeUndefined();
  const { config, inputs } = await recoveryConfig(sources);
  expect(config).toMatchObject({ ...onMedium, repository: told });
  expect(inputs['config']).toEqual(config);
  expect(await repositoriesOf(sources)).toEqual([told, 'file:///other']);
  expect(await repositoriesOf({ globals })).toEqual(['file:///own', 'file:///other']);
});

test('where there is no configuration it stands for one', async () => {
  await using directory = await temporaryDirectory();
  const globals = await globalsIn(directory.path);
  expect(sourcesOf(globals, told)).toEqual({ globals: { ...globals, repository: told } });
  expect(sourcesOf(globals, undefined)).toEqual({ globals });
});
