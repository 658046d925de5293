/** Processes that keep a container or a guest running, by their command lines. */
import type { Asker } from '../host/asker.ts';
import type { Places } from './places.ts';
import { parseContents } from './reading.ts';

/** Program and arguments. */
export type CommandLine = readonly string[];

/** Only these are read: the command line of any other program is none of our business. */
const supervisors = '^[^ ]*(conmon|qemu-system-|qemu-kvm|/kvm|systemd-nspawn)|^\\[lxc monitor\\]';

export function parseCommandLines(stdout: string): CommandLine[] {
  return [...parseContents(stdout).values()].map((line) => line.replace(/\0+$/, '').split('\0'));
}

/** `undefined` where nobody tells; with a gap, unless the host has no processes to be seen. */
export async function captureSupervisors(asker: Asker, there: Places): Promise<CommandLine[] | undefined> {
  if (!there.has('proc')) return undefined;
  const lines = ['-exec', 'grep', '-aHsE', supervisors, '{}', '+'];
  return await asker.ask({
    argv: ['find', '/proc', '-mindepth', '2', '-maxdepth', '2', '-path', '/proc/[0-9]*/cmdline', ...lines],
    okCodes: [0, 1],
    parse: parseCommandLines,
    subject: 'running containers and guests',
  });
}

/** The values that follow an option, given as its own argument or after `=`. */
export function optionValues(line: CommandLine, option: string): string[] {
  return line.flatMap((argument, index) => {
    if (argument === option) return line[index + 1] ?? [];
    return argument.startsWith(`${option}=`) ? argument.slice(option.length + 1) : [];
  });
}

export function programOf(line: CommandLine): string {
  return (line[0] ?? '').replace(/^.*\//, '');
}
