/** Labels of SELinux: they come back with the files. Those that were made here get theirs, and all where none came back. */
import { placeIn } from '../host/place-in.ts';
import type { Deed } from './scene.ts';
import { programInside, readInside, type Site, type Subject } from './site.ts';

const settings = '/etc/selinux/config';
const relabelFile = '/.autorelabel';
/** Files that every policy has a label for. */
const samples = ['/etc/passwd', '/etc/group', '/usr/bin', '/var/log'];

export const selinux: Subject = {
  name: 'selinux',
  async plan(site, signal) {
    const content = (await readInside(site, settings, signal)) ?? '';
    const value = (name: string): string | undefined => new RegExp(`^\\s*${name}=\\s*(\\S+)`, 'm').exec(content)?.[1];
    const mode = value('SELINUX')?.toLowerCase();
    if (mode !== 'enforcing' && mode !== 'permissive') return [];
    const whole: Deed = {
      id: 'selinux relabel',
      title: 'have the system set all labels of SELinux at its first start',
      why: 'the files came back without them',
      needed: mode === 'enforcing',
      files: [{ path: relabelFile, content: '-F\n' }],
      commands: [],
      changes: [relabelFile],
    };
    if (!(await hasLabels(site, signal))) return [whole];
    const made = [...new Set(site.earlier.flatMap(({ changes }) => changes))];
    if (made.length === 0) return [];
    const contexts = `/etc/selinux/${value('SELINUXTYPE') ?? 'targeted'}/contexts/files/file_contexts`;
    const program = await programInside(site, ['setfiles'], signal);
    if (program === undefined) return [{ ...whole, why: 'files that were made here have no labels' }];
    return [
      {
        id: 'selinux',
        title: 'set the labels of SELinux of what was made here',
        why: 'this system does not know them',
        needed: mode === 'enforcing',
        files: [],
        // No mount says here that it takes labels, so that they would all be left out.
        commands: [{ argv: [program, '-F', '-i', '-m', contexts, ...made], where: 'chroot' }],
        changes: [],
        otherwise: whole,
      },
    ];
  },
};

async function hasLabels({ scene, host }: Site, signal: AbortSignal): Promise<boolean> {
  const paths = await Promise.all(samples.map(async (path) => await placeIn(scene.root, path)));
  const { stdout } = await host.run(
    ['getfattr', '--absolute-names', '-n', 'security.selinux', '--', ...paths],
    { okCodes: [0, 1] },
    signal,
  );
  return stdout.includes('security.selinux');
}
