/** Proof that nothing gets out of the machine: somebody listens here where its network would lead, and the machine knocks. */
import { createServer } from 'node:net';
import { once } from 'node:events';
import { z } from 'zod';
import type { Argv, Host } from '../host/host.ts';
import { asLifeboatError } from '../kernel/errors.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import type { Check } from './report.ts';

/** What this machine is called in the network of an emulated card, were it open. */
const gateway = '10.0.2.2';

const addressSchema = z.object({ port: z.number() });

/** The machine tries to reach this one, by whatever it has to do so. */
export async function isolation(host: Host, signal: AbortSignal): Promise<Check> {
  const name = 'isolation';
  const server = createServer((socket) => socket.destroy());
  let visits = 0;
  server.on('connection', () => (visits += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening', { signal });
  const { port } = addressSchema.parse(server.address());
  try {
    const knocks: Argv[] = [
      ['timeout', '10', 'bash', '-c', 'echo knock > "/dev/tcp/$1/$2"', 'bash', gateway, String(port)],
      ['timeout', '10', 'curl', '-s', '-m', '8', `http://${gateway}:${port}/`],
      ['timeout', '10', 'python3', '-c', python, gateway, String(port)],
      ['timeout', '10', 'getent', 'hosts', 'example.org'],
    ];
    const tried: string[] = [];
    for (const argv of knocks) {
      const [, , tool = ''] = argv;
      const outcome = await knock(host, argv, signal);
      if (outcome === 'missing') continue;
      tried.push(tool);
      if (outcome === 'done') return { name, passed: false, detail: `${tool} reached something outside` };
    }
    if (visits > 0) return { name, passed: false, detail: 'it reached this machine' };
    return tried.length === 0
      ? { name, passed: true, detail: 'its cards lead nowhere; there is nothing in it to try that with' }
      : { name, passed: true, detail: `nothing gets out: tried by ${tried.join(', ')}` };
  } finally {
    server.close();
  }
}

const python = 'import socket,sys; socket.create_connection((sys.argv[1],int(sys.argv[2])),8)';

async function knock(host: Host, argv: Argv, signal: AbortSignal): Promise<'done' | 'failed' | 'missing'> {
  try {
    const { code } = await host.run(argv, { timeoutMs: 60_000, okCodes: anyCode }, signal);
    return code === 0 ? 'done' : code === 127 || code === 126 ? 'missing' : 'failed';
  } catch (error) {
    throwIfAborted(signal);
    const { code } = asLifeboatError(error);
    // A machine that has ended proves nothing by its silence.
    if (code === 'unreachable' || code === 'machine-failed') throw error;
    return code === 'tool-missing' ? 'missing' : 'failed';
  }
}

const anyCode = Array.from({ length: 256 }, (_, code) => code);
