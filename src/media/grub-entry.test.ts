/** The entry of GRUB on a system that is a map of files; the lab (`test/lab/cases/rescue-formats`) starts one by it. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import type { Argv, Host, RunResult } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { addGrubEntry, grubScript, removeGrubEntry } from './grub-entry.ts';

const { signal } = new AbortController();
const script = '/etc/grub.d/42_lifeboat';
const menu = '/boot/grub/grub.cfg';
const entries = [
  { title: 'lifeboat rescue', words: ['lifeboat.medium=1234', 'quiet'] },
  { title: 'lifeboat rescue, copied to memory', words: ['lifeboat.medium=1234', 'lifeboat.toram'] },
];
const done: RunResult = { code: 0, stdout: Buffer.alloc(0), stderr: '' };

/** @param make what its programs do, by name; others are missing */
function system(make: Readonly<Record<string, (files: Map<string, string>) => void>>) {
  const files = new Map([[menu, 'as it was']]);
  const ran: string[] = [];
  const host: Host = {
    name: 'system',
    async run(argv: Argv) {
      ran.push(argv.join(' '));
      const [program, , path = ''] = argv;
      if (program === 'rm') for (const name of files.keys()) if (name.startsWith(path)) files.delete(name);
      if (program === 'rm') return done;
      const own = make[program];
      if (own === undefined) throw new LifeboatError('tool-missing', `no ${program}`);
      own(files);
      return done;
    },
    stream: () => {
      throw new LifeboatError('bug', 'nothing is streamed');
    },
    async read(path) {
      const text = files.get(path);
      if (text === undefined) throw new LifeboatError('not-found', path);
      return Buffer.from(text);
    },
    async write(path, data) {
      files.set(path, Buffer.from(data).toString());
    },
    async [Symbol.asyncDispose]() {},
  };
  return { host, files, ran };
}

const fromScript = (place: string) => (files: Map<string, string>) =>
  void files.set(place, `menu:${files.get(script) ?? ''}`);

test('the entry is in the menu, without what is in memory anyway', async () => {
  const { host, files } = system({ 'update-grub': fromScript(menu) });
  await addGrubEntry(host, '1234', entries, signal);
  expect(files.get(menu)).toContain("menuentry 'lifeboat rescue' ");
  expect(files.get(menu)).not.toContain('toram');
});

test('elsewhere the menu is made by another program, in another place', async () => {
  const place = '/boot/grub2/grub.cfg';
  const { host, files, ran } = system({ 'grub2-mkconfig': fromScript(place) });
  await addGrubEntry(host, '1234', entries, signal);
  expect(files.get(place)).toContain('lifeboat.medium=1234');
  expect(ran.at(-1)).toBe(`grub2-mkconfig -o ${place}`);
});

test('a system without GRUB is left as it was', async () => {
  const { host, files } = system({});
  await expect(addGrubEntry(host, '1234', entries, signal)).rejects.toMatchObject({ code: 'tool-missing' });
  expect([...files]).toEqual([[menu, 'as it was']]);
});

test.each([
  [
    'fails',
    () => {
      throw new LifeboatError('command-failed', 'no');
    },
  ],
  ['leaves the entry out', (files: Map<string, string>) => void files.set(menu, 'others')],
])('a menu whose making %s gets the entry of before again', async (_how, make) => {
  const { host, files, ran } = system({ 'update-grub': make });
  files.set(script, 'of before');
  await expect(addGrubEntry(host, '1234', entries, signal)).rejects.toMatchObject({ code: 'command-failed' });
  expect(files.get(script)).toBe('of before');
  expect(ran).toEqual(['update-grub', 'update-grub']);
});

test('no entry ever names files that are not there', async () => {
  const { host, files, ran } = system({ 'update-grub': fromScript(menu) });
  files.set('/boot/lifeboat/vmlinuz', 'kernel');
  expect(await removeGrubEntry(host, signal)).toBe(false);
  files.set('/boot/lifeboat/vmlinuz', 'kernel');
  await addGrubEntry(host, '1234', entries, signal);
  ran.length = 0;
  expect(await removeGrubEntry(host, signal)).toBe(true);
  expect(ran).toEqual([`rm -f ${script}`, 'update-grub', 'rm -rf /boot/lifeboat']);
  expect([...files]).toEqual([[menu, 'menu:']]);
});

test('the script is one that a shell takes', () => {
  execFileSync('sh', ['-n'], { input: grubScript('1234', entries) });
});
