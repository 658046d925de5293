/** The recorded machines of `test/fixtures/machine`: one of loop devices, with the tools of each Debian release. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Recording, recordingSchema } from '../../src/host/recorded.ts';

export const releases = ['debian11', 'debian12', 'debian13', 'debian-sid'] as const;
export type Release = (typeof releases)[number];

const fixtures = join(import.meta.dirname, '../fixtures');
const factTools = [
  'dpkg-query',
  'find',
  'grep',
  'ls',
  'proc',
  'readlink',
  'sed',
  'systemctl',
  'systemd-detect-virt',
  'uname',
];

/** What the tools of facts said on a machine that was recorded tool by tool; not every tool was asked on each. */
export function factsMachine(name: string): Recording {
  const parts = factTools
    .map((tool) => join(fixtures, tool, `${name}.json`))
    .filter((file) => existsSync(file))
    .map((file) => recordingSchema.parse(JSON.parse(readFileSync(file, 'utf8'))));
  return {
    commands: parts.flatMap(({ commands }) => commands),
    files: Object.assign({}, ...parts.map(({ files }) => files)),
  };
}

export function machine(release: Release): Recording {
  const file = join(fixtures, 'machine', `${release}.json`);
  return recordingSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

/**
 * The same with disks for its loop devices: images that somebody has mounted come and go, and disks do not. Only names
 * and types are changed, in everything that was said.
 */
export function machineWithDisks(release: Release): Recording {
  const { commands, ...rest } = machine(release);
  const disks = ['sda', 'sdb', 'sdc', 'sdd', 'sde', 'sdf'];
  const renamed = (text: string): string =>
    text.replace(/loop6([0-5])(?:p(\d+))?/g, (_, disk: string, part = '') => `${disks[Number(disk)]}${part}`);
  const isDisk = (text: string): string => text.replace(/("type": ?)"loop"/g, '$1"disk"');
  return {
    ...rest,
    files: Object.fromEntries(
      Object.entries(rest.files).map(([path, content]) => [renamed(path), content === null ? null : renamed(content)]),
    ),
    commands: commands.map((command) => ({
      ...command,
      argv: renamedArgv(command.argv, renamed),
      stdout: command.argv[0] === 'lsblk' ? isDisk(renamed(command.stdout)) : renamed(command.stdout),
      stderr: renamed(command.stderr),
    })),
  };
}

function renamedArgv([program, ...args]: readonly [string, ...string[]], rename: (text: string) => string) {
  const argv: [string, ...string[]] = [program, ...args.map(rename)];
  return argv;
}
