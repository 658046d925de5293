import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { layoutOf, mount } from '../../test/helpers/small-layout.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { recordedHost } from '../host/recorded.ts';
import { sourcesOf } from './recover-config.ts';
import { mountRepositories } from './repository-disks.ts';

const layout = layoutOf(
  mount('/srv', { fstype: 'nfs4', source: 'nas:/srv', category: 'network' }),
  mount('/old', { fstype: 'nfs4', source: 'nas:/old', category: 'network' }),
);

/** Servers that answer. */
const host = recordedHost({
  commands: ['/srv', '/old'].flatMap((path) => [
    { argv: ['test', '-e', `${path}/points/lifeboat/repository.json`], code: 1, stdout: '' },
    { argv: ['mkdir', '-p', '--', path], code: 0, stdout: '' },
    { argv: ['mount', '-t', 'nfs4', '-o', 'ro', '--', `nas:${path}`, path], code: 0, stdout: '' },
  ]),
});

test('all repositories that are meant are mounted where they were: those of the configuration, or the one that was told', async ({
  signal,
}) => {
  await using place = await temporaryDirectory();
  const [config, layoutFile] = ['lifeboat.yaml', 'layout.json'].map((name) => join(place.path, name));
  if (config === undefined || layoutFile === undefined) throw new Error('no names');
  const globals = { config, stateDir: '', json: true, dryRun: false, quiet: false, logLevel: 'info', color: false };
  const recover = { consent: 'blank-disks', after: 'poweroff', repositories: ['file:///old/points'] };
  const own = { host: 'web1', repository: 'file:///srv/points', backup: { include: ['/'] }, recover };
  const mounted = async (told?: string) =>
    (await mountRepositories(sourcesOf(globals, told), layoutFile, { host, signal })).map((one) => one.split(' ')[2]);

  // Nobody knows what was mounted where.
  expect(await mounted('file:///old/points')).toEqual([]);
  await writeFile(layoutFile, JSON.stringify(layout));
  expect(await mounted('file:///old/points')).toEqual(['/old/points']);
  await writeFile(config, JSON.stringify(own), { mode: 0o600 });
  expect(await mounted()).toEqual(['/srv/points', '/old/points']);
  expect(await mounted('file:///old/points')).toEqual(['/old/points']);
});
