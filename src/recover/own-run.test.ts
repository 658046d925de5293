import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mountNamespace, namespaceObstacle } from '../../test/helpers/mount-namespace.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { bindKernel } from './new-root.ts';

const why = namespaceObstacle();
const { signal } = new AbortController();

test.skipIf(why !== undefined)(
  `programs of the system see devices, and no secret of the rescue system${why ?? ''}`,
  async () => {
    await using directory = await temporaryDirectory();
    await using host = await mountNamespace();
    const root = join(directory.path, 'root');
    await mkdir(root);
    // A rescue system's.
    await host.run(['mount', '-t', 'tmpfs', 'tmpfs', '/run'], {}, signal);
    await host.run(['mkdir', '-p', '/run/lifeboat/secrets', '/run/udev/data'], {}, signal);
    await host.write('/run/lifeboat/secrets/recovery-code', Buffer.from('secret'), {}, signal);
    await host.write('/run/udev/data/b8:0', Buffer.from('E:ID=1'), {}, signal);

    await bindKernel(root, host, signal);
    // Once more is no error, and mounts nothing twice.
    const mounts = async () => (await host.read('/proc/mounts', {}, signal)).toString().split('\n').length;
    const before = await mounts();
    await bindKernel(root, host, signal);
    expect(await mounts()).toBe(before);

    const names = async (path: string) =>
      (await host.run(['ls', '-A', join(root, path)], {}, signal)).stdout.toString();
    expect(await names('run')).toBe('cryptsetup\nlock\nlvm\nmdadm\nudev\n');
    expect(await names('run/udev/data')).toBe('b8:0\n');
    expect(await names('dev')).toContain('null\n');
    expect((await host.read(join(root, 'proc/version'), {}, signal)).length).toBeGreaterThan(0);
    // Nothing of it was done where others see it.
    expect(await readdir(join(root, 'run'))).toEqual([]);
  },
);

test.skipIf(why !== undefined)(`a link in the place of one of them is followed by nobody${why ?? ''}`, async () => {
  await using directory = await temporaryDirectory();
  await using host = await mountNamespace();
  const [root, outside] = [join(directory.path, 'root'), join(directory.path, 'outside')];
  await mkdir(root);
  await symlink(outside, join(root, 'sys'));
  await expect(bindKernel(root, host, signal)).rejects.toMatchObject({ code: 'untrusted' });
  expect(await readdir(directory.path)).toEqual(['root']);
});
