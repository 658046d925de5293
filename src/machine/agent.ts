/** A virtual machine as a {@link Host}, by the agent in it (`native/agent.h`): needs no network and no login. */
import { readByCommand, writeByCommands } from '../host/by-commands.ts';
import type { Start } from '../host/child.ts';
import { runCommand, streamCommand } from '../host/command.ts';
import type { Host } from '../host/host.ts';
import { connectWhenThere } from '../qemu/socket.ts';
import { startByAgent } from './agent-child.ts';
import { beginSession } from './agent-session.ts';

/**
 * Waits until the agent answers, for as long as `signal` lets it. Commands of whoever was connected before are killed, and so are ours
 * when the host is disposed. One that is lost stays so, and all that runs on it fails as `unreachable`: connect again.
 *
 * @param socketPath QEMU's end of the port `org.lifeboat.agent`; may be there only later
 * @throws LifeboatError `unreachable` when QEMU closes it, `interrupted`
 */
export async function connectAgent(
  socketPath: string,
  { name }: { readonly name: string },
  signal: AbortSignal,
): Promise<Host> {
  const socket = await connectWhenThere(socketPath, signal);
  try {
    const session = await beginSession(name, socket, signal);
    const start: Start = (argv, options, own) => startByAgent(session, argv, options, own);
    const host: Host = {
      name,
      run: (argv, options, own) => runCommand(start, argv, options, own),
      stream: (argv, options, own) => streamCommand(start, argv, options, own),
      read: (path, options, own) => readByCommand(host, path, options, own),
      write: (path, data, options, own) => writeByCommands(host, path, data, options, own),
      [Symbol.asyncDispose]: () => session.close(),
    };
    return host;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
