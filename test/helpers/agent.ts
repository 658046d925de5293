/** The agent of virtual machines as a process of this machine, on a unix socket in place of the port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { existsSync } from 'node:fs';
import { nativeProgram } from '../../src/native/addon.ts';
import { endProcess } from './child-process.ts';
import { temporaryDirectory } from './temporary.ts';

export interface RunningAgent extends AsyncDisposable {
  readonly socket: string;
  readonly child: ChildProcess;
}

/** Dies with the process that started it. */
export async function startAgent(): Promise<RunningAgent> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const socket = join(path, 'socket');
  const argv = ['--pdeathsig', 'KILL', nativeProgram('lifeboat-agent'), '--listen', socket];
  const child = spawn('setpriv', argv, { stdio: ['ignore', 'ignore', 'inherit'] });
  stack.defer(() => endProcess(child));
  for (let tries = 0; !existsSync(socket); tries += 1) {
    if (child.exitCode !== null || tries > 500) throw new Error('the agent does not start');
    await delay(10);
  }
  const owned = stack.move();
  return { socket, child, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
