/** `lifeboat drill --files` with no more rights than the unit of the scheduler gives. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { programArgv } from '../../src/schedule/self.ts';
import { capabilities, restoreCapabilities } from '../../src/schedule/unit.ts';
import { type Sandbox, isRoot, sandbox } from '../helpers/cli.ts';

type Capability = (typeof capabilities)[number];

/** As systemd does; what its seccomp filters forbid besides is not tried here. */
const confined = (allowed: readonly Capability[]): string[] => {
  const set = allowed.map(([name]) => `+${name.slice(4).toLowerCase()}`).join(',');
  return ['setpriv', `--bounding-set=-all,${set}`, '--inh-caps=-all', '--no-new-privs', '--clear-groups'];
};

/** @returns exit status and document */
function drill(box: Sandbox, allowed: readonly Capability[]) {
  const globals = programArgv({ config: box.config, stateDir: box.state });
  const [program, ...args] = [...confined(allowed), ...globals, '--json', '--quiet', 'drill', '--files'];
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  const document: { result?: string; problem?: string } = JSON.parse(stdout);
  return { status, ...document };
}

/** @returns why such files cannot be made here */
function makeOdd(directory: string): string | undefined {
  const made = (name: string, mode: number) => {
    const path = join(directory, name);
    writeFileSync(path, name);
    chownSync(path, 1234, 1234);
    chmodSync(path, mode);
    return path;
  };
  made('set-user-id', 0o4755);
  made('set-group-id', 0o2755);
  const capable = made('capable', 0o755);
  const { error, status } = spawnSync('setcap', ['cap_net_raw+ep', capable], {
    env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' },
  });
  if (error !== undefined || status !== 0) return 'no setcap here, or no filesystem that keeps it';
  const { status: node } = spawnSync('mknod', [join(directory, 'node'), 'c', '1', '3']);
  return node === 0 ? undefined : 'no device node can be made here';
}

test.skipIf(!isRoot)(
  'what the unit of a files drill allows suffices, and what another lacks is said',
  async ({ skip }) => {
    if (spawnSync('setpriv', [...confined(capabilities).slice(1), 'true']).status !== 0)
      skip('no setpriv that can do this');
    await using box = await sandbox();
    const why = makeOdd(box.source);
    if (why !== undefined) skip(why);
    expect((await box.ask('backup')).code).toBe(0);
    expect(drill(box, [...capabilities, ...restoreCapabilities])).toMatchObject({ status: 0, result: 'passed' });
    const denied = drill(box, capabilities);
    expect(denied).toMatchObject({ status: 1, result: 'failed' });
    expect(denied.problem).toMatch(/this process may not: .*CAP_SETFCAP.*lifeboat schedule install/);
  },
);
