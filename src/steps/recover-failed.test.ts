import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backedUp, isRoot, sandbox } from '../../test/helpers/cli.ts';
import { loadConfig } from '../config/load.ts';
import { localHost } from '../host/local.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { noSecrets } from '../kernel/secret.ts';
import { tellFailure } from './recover-failed.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as only root may read what the kernel says`);

test.skipIf(!isRoot)(
  'where the repository does not answer, another one is told; where none does, that is said',
  async ({ signal }) => {
    await using box = await backedUp(await sandbox());
    await using host = localHost();
    const gone = `file://${join(box.base, 'gone')}`;
    const error = new LifeboatError('no-repository', 'the repository is not there');
    const told = async (others: string[]) => {
      const config = { ...(await loadConfig(box.config)), repository: gone };
      const recover = { consent: 'blank-disks', after: 'reboot', repositories: others } as const;
      const came = { config: { ...config, recover }, hostName: 'box', stateDir: box.state, version: '1' };
      return await tellFailure(came, error, host, { say: () => undefined, secrets: noSecrets }, signal);
    };
    expect(await told([])).toContain('/gone');
    expect(await told([gone, `file://${box.repository}`])).toBeUndefined();
    expect(await readdir(join(box.repository, 'lifeboat/box'))).toContain('logs');

    // Who looks at the host from elsewhere hears of it, and can read the rest.
    const { logs } = (await box.ask('rescue', 'logs')).json;
    expect(logs).toMatchObject([{ outcome: `no-repository: ${error.message}` }]);
    expect((await box.ask('status')).json['findings']).toContainEqual({
      subject: 'recovery',
      problem: expect.stringContaining(error.message),
      hint: expect.stringContaining('lifeboat rescue logs 2'),
    });
    expect((await box.run('rescue', 'logs', 'latest')).stdout).toContain(
      `== recovery\nno-repository: ${error.message}`,
    );
    await box.ask('backup');
    expect((await box.ask('status')).json['findings']).not.toContainEqual(
      expect.objectContaining({ subject: 'recovery' }),
    );
  },
);
