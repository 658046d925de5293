import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { mount, unmount } from './mount.ts';

/** Runs a module that mounts things, in a mount namespace of its own: nothing is left behind whatever happens. */
function inNamespace(script: string, ...args: string[]): { status: number | null; output: string } {
  const own = process.getuid?.() === 0 ? ['-m'] : ['-Urm'];
  const node = [process.execPath, '--input-type=module-typescript', '--eval', script, ...args];
  const { status, stdout, stderr } = spawnSync('unshare', [...own, ...node], { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

const face = JSON.stringify(fileURLToPath(new URL('mount.ts', import.meta.url)));

test('mounts, binds, remounts and unmounts, as mountinfo shows', ({ skip }) => {
  const probe = inNamespace('');
  if (probe.status !== 0) skip(`no mount namespace of one's own: ${probe.output}`);
  const directory = mkdtempSync(join(tmpdir(), 'lifeboat-mount-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const script = `
    import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
    import { mount, unmount, MS, MNT } from ${face};
    const [directory] = process.argv.slice(1);
    const shown = () => readFileSync('/proc/self/mountinfo', 'utf8').split('\\n').filter((l) => l.includes(directory))
      .map((l) => l.replaceAll(directory, 'D').split(' ')).map((f) => [f[3], f[4], f[5], f[8] ?? ''].join(' '));
    mount('scratch', directory, 'tmpfs', MS.NOSUID | MS.NOATIME, 'size=64k,mode=700');
    mkdirSync(directory + '/a');
    mkdirSync(directory + '/b');
    writeFileSync(directory + '/a/file', '');
    mount(directory + '/a', directory + '/b', undefined, MS.BIND, undefined);
    mount(undefined, directory + '/b', undefined, MS.REMOUNT | MS.BIND | MS.RDONLY | MS.NOSUID | MS.NOATIME, undefined);
    console.log(shown().join('\\n'));
    let code;
    try { writeFileSync(directory + '/b/file', 'x'); } catch (error) { code = error.code; }
    console.log(code);
    try { unmount(directory, 0); } catch (error) { console.log(error.message.replace(directory, 'D')); }
    unmount(directory + '/b', MNT.NOFOLLOW);
    unmount(directory, MNT.DETACH);
    console.log(shown().length);
  `;
  const result = inNamespace(script, directory);
  expect(result).toEqual({
    status: 0,
    output: [
      '/ D rw,nosuid,noatime scratch',
      '/a D/b ro,nosuid,noatime scratch',
      'EROFS',
      "EBUSY: resource busy or locked, umount2 'D'",
      '0',
      '',
    ].join('\n'),
  });
});

test('errors name the target', () => {
  expect(() => mount('none', '/nonexistent', 'tmpfs', 0, undefined)).toThrow(
    /^(ENOENT|EPERM): .*, mount '\/nonexistent'$/,
  );
  expect(() => unmount('/nonexistent', 0)).toThrow(/^(ENOENT|EPERM): .*, umount2 '\/nonexistent'$/);
});

test.each([
  ['target with NUL', () => mount('none', '/x\0', 'tmpfs', 0, undefined)],
  ['data with NUL', () => mount('none', '/x', 'tmpfs', 0, 'a\0b')],
  ['flags', () => mount('none', '/x', 'tmpfs', -1, undefined)],
  ['flags of unmount', () => unmount('/x', 16)],
])('refused before the system is asked: %s', (_, work) => {
  expect(work).toThrow(expect.objectContaining({ name: 'LifeboatError', code: 'native-call' }));
});
