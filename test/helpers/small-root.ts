/** A root directory with just enough in it to `chroot` into. */
import { access, copyFile, mkdir, readlink, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { output } from './child-process.ts';
import { temporaryDirectory } from './temporary.ts';

/** Copies the tools, with the libraries they load, to where they are here. Needs root, for the devices. */
export async function smallRoot(tools: readonly string[]): Promise<{ readonly path: string } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const root = stack.use(await temporaryDirectory()).path;
  const copied = new Set<string>();
  const copy = async (file: string) => {
    if (copied.has(file)) return;
    copied.add(file);
    await mkdir(join(root, dirname(file)), { recursive: true });
    await copyFile(file, join(root, file));
  };
  // Where these are links, paths such as /lib64/ld-linux must lead to what was copied.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    await mkdir(join(root, 'usr', name), { recursive: true });
    const link = await readlink(`/${name}`).catch(() => undefined);
    if (link === undefined) await mkdir(join(root, name), { recursive: true });
    else await symlink(link, join(root, name));
  }
  for (const tool of tools) {
    const path = await find(tool);
    await copy(path);
    // A tool without libraries makes ldd fail, and has nothing to copy.
    const libraries = await output('ldd', path).catch(() => '');
    for (const [, library] of libraries.matchAll(/(\/\S+) \(0x/g)) if (library !== undefined) await copy(library);
  }
  for (const name of ['dev', 'etc', 'tmp']) await mkdir(join(root, name), { recursive: true });
  const devices = { null: '3', zero: '5' };
  for (const [name, minor] of Object.entries(devices)) {
    await output('mknod', '-m', '666', join(root, 'dev', name), 'c', '1', minor);
  }
  const owned = stack.move();
  return { path: root, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Where a program is; the shell would give the name alone for one that it also has built in. */
async function find(tool: string): Promise<string> {
  for (const directory of ['/usr/bin', '/bin', '/usr/sbin', '/sbin']) {
    const path = join(directory, tool);
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new Error(`no ${tool} on this machine`);
}
