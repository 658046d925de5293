/** What runtimes leave of a restore that failed, upon which the next start of the container would fail, too. */
import type { Host } from '../../host/host.ts';
import { sleep } from '../../kernel/wait.ts';

/** Of containers; what is anything else could mean other directories to `find`. */
const plainName = /^[\w.+,:@-]+$/;

/**
 * Directories of cgroups of these names: whose they are they do not say.
 *
 * @param names such as the id of a container
 */
export async function cgroupsCalled(host: Host, names: readonly string[]): Promise<ReadonlySet<string>> {
  const plain = names.filter((name) => plainName.test(name));
  if (plain.length === 0) return new Set();
  const tests = plain.flatMap((name, index) => [...(index === 0 ? [] : ['-o']), '-name', name]);
  const argv = ['find', '/sys/fs/cgroup', '-mindepth', '2', '-type', 'd', '(', ...tests, ')', '-print0'] as const;
  const { stdout } = await host.run(argv, { okCodes: [0, 1] }, new AbortController().signal);
  const paths = stdout.toString().split('\0');
  return new Set(paths.filter((path) => path !== ''));
}

/** Removes those in which nothing runs. @returns these */
export async function removeEmptyCgroups(host: Host, names: readonly string[]): Promise<readonly string[]> {
  const there = await cgroupsCalled(host, names);
  for (const path of there) await removeTree(host, path);
  const left = await cgroupsCalled(host, names);
  return [...there].filter((path) => !left.has(path));
}

async function removeTree(host: Host, path: string): Promise<void> {
  const argv = ['find', path, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+'] as const;
  await host.run(argv, { okCodes: [0, 1] }, new AbortController().signal);
}

/**
 * Removes cgroups of these names with what runs in them.
 *
 * @param before those that were there before somebody made others: they are somebody's, and nothing is done to them
 * @returns those that were there besides
 */
export async function removeCgroups(
  host: Host,
  names: readonly string[],
  before: ReadonlySet<string>,
): Promise<readonly string[]> {
  const { signal } = new AbortController();
  const find = async () => [...(await cgroupsCalled(host, names))].filter((path) => !before.has(path));
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
      // The shell's own: not every host has a program for it.
      if (pids.length > 0) await host.run(['sh', '-c', 'kill -KILL "$@"', 'sh', ...pids], { okCodes: [0, 1] }, signal);
      await removeTree(host, path);
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
