/** What starts the agent in a recovered system, by the way in which that starts what it starts. */
import { mkdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import type { Argv, Host } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import { installAgent } from './agent.ts';

const { signal } = new AbortController();
const local = localHost();

/** What is done in the root is done below it, so that nobody has to be root for it. */
function below(root: string): Host {
  // What mktemp has made has its whole name.
  const moved = (word: string): string =>
    word.replace(
      /^(of=)?(\/.*)$/,
      (_, option = '', path: string) => `${option}${path.startsWith(root) ? '' : root}${path}`,
    );
  return {
    ...local,
    run: async ([program, ...args], options, own) => {
      if (program === 'getfattr') return { code: 1, stdout: Buffer.alloc(0), stderr: '' };
      expect([program, args[0]]).toEqual(['chroot', root]);
      const [, command = '', ...words] = args;
      const argv: Argv = [
        command,
        ...(command === 'ln' ? [words[0] ?? '', words[1] ?? '', moved(words[2] ?? '')] : words.map(moved)),
      ];
      return await local.run(argv, options, own);
    },
  };
}

async function installed(init: Parameters<typeof installAgent>[2], files: Readonly<Record<string, string>>) {
  const directory = await temporaryDirectory();
  const [root, program] = [join(directory.path, 'root'), join(directory.path, 'agent')];
  for (const folder of ['etc', 'etc/systemd/system']) await mkdir(join(root, folder), { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(root, name), content);
  await writeFile(program, 'the program');
  const isIn = await installAgent(below(root), root, init, program, signal);
  return {
    isIn,
    text: async (name: string) => await readFile(join(root, name), 'utf8'),
    root,
    [Symbol.asyncDispose]: async () => await directory[Symbol.asyncDispose](),
  };
}

test('systemd', async () => {
  await using it = await installed('systemd', {});
  expect(it.isIn).toBe(true);
  expect(await it.text('etc/lifeboat-drill/agent')).toBe('the program');
  const wanted = join(it.root, 'etc/systemd/system/sysinit.target.wants/lifeboat-drill-agent.service');
  expect(await readlink(wanted)).toBe('/etc/systemd/system/lifeboat-drill-agent.service');
});

const own = {
  sysv: 'id:2:initdefault:\n1:2345:respawn:/sbin/getty tty1\n',
  busybox: '::sysinit:/sbin/openrc sysinit\ntty1::respawn:/sbin/getty tty1\n',
};

test.for([
  ['sysv', own.sysv, 'ld:2345:respawn:/etc/lifeboat-drill/agent'],
  // On Gentoo sysvinit starts OpenRC; on Alpine busybox does.
  ['openrc', own.sysv, 'ld:2345:respawn:/etc/lifeboat-drill/agent'],
  ['openrc', own.busybox, '::respawn:/etc/lifeboat-drill/agent'],
] as const)('%s, with its table as it is', async ([init, table, line]) => {
  await using it = await installed(init, { 'etc/inittab': table });
  expect(it.isIn).toBe(true);
  expect(await it.text('etc/inittab')).toBe(`${table}\n${line}\n`);
});

test.for(['unknown', 'openrc', 'sysv', undefined] as const)(
  '%s, without anything that would start it',
  async (init) => {
    await using it = await installed(init, {});
    expect(it.isIn).toBe(false);
  },
);
