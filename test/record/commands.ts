/** Commands that build a machine: run to their end, in order, and never silently wrong. */
import { spawnSync } from 'node:child_process';

export type Command = readonly [program: string, ...args: string[]];

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The words of a line, for arguments without blanks, and more arguments as they are. Nothing else of a shell. */
export function command(line: string, ...more: readonly string[]): Command {
  const [program = '', ...args] = line.split(' ');
  return [program, ...args, ...more];
}

/** What a command answers, whatever its exit code. Text is bytes as latin1, so that nothing of it is lost. */
export function ask([program, ...args]: Command, input: string | Buffer = ''): Outcome {
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', HOME: '/root' };
  const done = spawnSync(program, args, { input, env, encoding: 'latin1', maxBuffer: 256 * 1024 * 1024 });
  if (done.error !== undefined) throw done.error;
  return { code: done.status ?? 255, stdout: done.stdout, stderr: done.stderr };
}

/** @throws Error with what the command said when it fails */
export function run(command: Command, input: string | Buffer = ''): string {
  const { code, stdout, stderr } = ask(command, input);
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** The same with the tools of a tree. */
export function within(root: string, command: Command): Command {
  return ['chroot', root, ...command];
}
