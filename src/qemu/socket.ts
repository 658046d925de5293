/** A stream to a socket that QEMU makes when it starts. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { hasErrno } from '../kernel/errors.ts';
import { abortError, sleep } from '../kernel/wait.ts';

/** How often a socket that is not there yet is tried. */
const pauseMs = 20;

/** Connects, also when the socket is made only later; `signal` ends the wait. */
export async function connectWhenThere(path: string, signal: AbortSignal): Promise<Socket> {
  for (;;) {
    const socket = connect(path);
    try {
      await once(socket, 'connect', { signal });
      return socket;
    } catch (error) {
      socket.destroy();
      if (signal.aborted) throw abortError(signal);
      if (!hasErrno(error, 'ENOENT') && !hasErrno(error, 'ECONNREFUSED')) throw error;
    }
    await sleep(pauseMs, signal);
  }
}
