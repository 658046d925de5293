/** A TCP relay on the loopback interface that treats its connections badly. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface Fault {
  /** The connection is cut when so many bytes went this way. */
  readonly cutAfter?: { readonly up?: number; readonly down?: number };
  /** Bytes per second, each way. */
  readonly rate?: number;
}

export interface Relay extends AsyncDisposable {
  readonly port: number;
  /** Connections so far. */
  readonly count: () => number;
}

/** @param faultOf what happens to the nth connection, counted from 0 */
export async function startRelay(to: number, faultOf: (connection: number) => Fault): Promise<Relay> {
  let count = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const fault = faultOf(count);
    count += 1;
    const upstream = connect(to, '127.0.0.1');
    const pair = [client, upstream];
    const cut = () => {
      for (const socket of pair) {
        socket.destroy();
        sockets.delete(socket);
      }
    };
    for (const socket of pair) {
      sockets.add(socket);
      socket.on('error', cut);
      socket.on('close', cut);
    }
    void carry(client, upstream, fault.cutAfter?.up, fault.rate).finally(cut);
    void carry(upstream, client, fault.cutAfter?.down, fault.rate).finally(cut);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    count: () => count,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function carry(from: Socket, to: Socket, limit = Number.POSITIVE_INFINITY, rate = Number.POSITIVE_INFINITY) {
  let left = limit;
  try {
    for await (const chunk of from) {
      const bytes: Buffer = chunk;
      if (rate !== Number.POSITIVE_INFINITY) await delay((bytes.length / rate) * 1000);
      to.write(bytes.subarray(0, left));
      left -= bytes.length;
      if (left <= 0) return;
    }
  } catch {
    // A socket that failed is one that is cut.
    return;
  }
}
