/** What runtimes leave of a restore that failed, upon which the next start of the container would fail, too. */
import type { Host } from '../../host/host.ts';
import { sleep } from '../../kernel/wait.ts';

/**
 * Removes cgroups of this name with what runs in them.
 *
 * @param names of the directories, such as the id of the container
 * @returns those that were there
 */
export async function removeCgroups(host: Host, names: readonly string[]): Promise<readonly string[]> {
  const { signal } = new AbortController();
  const tests = names.flatMap((name, index) => [...(index === 0 ? [] : ['-o']), '-name', name]);
  const find = async (): Promise<readonly string[]> => {
    const argv = ['find', '/sys/fs/cgroup', '-mindepth', '2', '-type', 'd', '(', ...tests, ')', '-print0'] as const;
    const { stdout } = await host.run(argv, { okCodes: [0, 1] }, signal);
    return stdout
      .toString()
      .split('\0')
      .filter((path) => path !== '');
  };
  const there = await find();
  for (let attempt = 0, left = there; left.length > 0 && attempt < 20; attempt += 1, left = await find()) {
    for (const path of left) {
      const { stdout } = await host.run(
        ['find', path, '-name', 'cgroup.procs', '-exec', 'cat', '{}', '+'],
        { okCodes: [0, 1] },
        signal,
      );
      const pids = stdout
        .toString()
        .split('\n')
        .filter((pid) => /^[1-9]\d*$/.test(pid));
      if (pids.length > 0) await host.run(['kill', '-KILL', ...pids], { okCodes: [0, 1] }, signal);
      await host.run(['find', path, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+'], { okCodes: [0, 1] }, signal);
    }
    await sleep(100, signal);
  }
  return there;
}

/**
 * Unmounts the root that a runtime has mounted for CRIU in one of these directories, and was killed before it could do so itself.
 *
 * @returns those that were there
 */
export async function unmountRoots(host: Host, directories: readonly string[]): Promise<readonly string[]> {
  const { signal } = new AbortController();
  const left: string[] = [];
  for (const root of directories.map((directory) => `${directory}/criu-root`)) {
    const { code } = await host.run(['umount', '--lazy', root], { okCodes: [0, 1, 32] }, signal);
    if (code === 0) left.push(root);
    await host.run(['rmdir', '--', root], { okCodes: [0, 1] }, signal);
  }
  return left;
}
