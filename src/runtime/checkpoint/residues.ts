/** What runtimes leave of a restore that failed, upon which the next start of the container would fail, too. */
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { nameFromBytes, printable } from '../../kernel/text.ts';
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
 * Unmounts a directory and all that is mounted in it, before it is removed: CRIU and runtimes mount the root of a container and all cgroups of the host where they
 * work, and leave them where they are killed. Whoever removes such a directory, empties those.
 *
 * @returns what was mounted there
 * @throws LifeboatError `failed` where something stays
 */
export async function unmountBelow(host: Host, directory: string): Promise<readonly string[]> {
  const { signal } = new AbortController();
  const mounts = async () =>
    placesBelow(directory, nameFromBytes((await host.run(['cat', '/proc/self/mountinfo'], {}, signal)).stdout));
  const found = outermost(await mounts());
  for (const place of found) {
    // What is unmounted here would otherwise be so wherever it is shared.
    await host.run(['mount', '--make-rprivate', '--', place], { okCodes: [0, 1, 32] }, signal);
    await host.run(['umount', '--lazy', '--', place], { okCodes: [0, 1, 32] }, signal);
  }
  const [left] = await mounts();
  if (left === undefined) return found;
  throw new LifeboatError('failed', `${directory} is not removed, for something is mounted there: ${printable(left)}`, {
    hint: `Unmount it (umount ${printable(left)}), and only then remove the directory.`,
  });
}

/** @param mountinfo of /proc, which has blanks and the like in octal */
export function placesBelow(directory: string, mountinfo: string): readonly string[] {
  return mountinfo.split('\n').flatMap((line) => {
    const place = (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(parseInt(octal, 8)),
    );
    return place === directory || place.startsWith(`${directory}/`) ? [place] : [];
  });
}

function outermost(places: readonly string[]): readonly string[] {
  return [...new Set(places)].filter((place) => !places.some((other) => place.startsWith(`${other}/`)));
}
