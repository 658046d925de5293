/** Proof that nothing gets out of the machine: somebody listens here where its network would lead, and the machine knocks. */
import { anyCode } from '../host/any-code.ts';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { z } from 'zod';
import type { Argv, Host } from '../host/host.ts';
import { asLifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import type { Check } from './report.ts';

/** What this machine is called in the network of an emulated card, were it open. */
const gateway = '10.0.2.2';
const lookUp = 'getent for example.org';

const addressSchema = z.object({ port: z.number() });

/**
 * The machine tries to reach this one, by whatever it has to do so; nothing where it has nothing: that it finds no name says
 * nothing of the ways out that need none.
 */
export async function isolation(host: Host, signal: AbortSignal): Promise<readonly Check[]> {
  const name = 'isolation';
  const server = createServer((socket) => socket.destroy());
  let visits = 0;
  server.on('connection', () => (visits += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening', { signal });
  const { port } = addressSchema.parse(server.address());
  const where = `${gateway}:${port}`;
  const knocks: readonly (readonly [what: string, argv: Argv])[] = [
    [`bash to ${where}`, ['timeout', '10', 'bash', '-c', 'echo knock > "/dev/tcp/$1/$2"', 'bash', gateway, `${port}`]],
    [`curl to ${where}`, ['timeout', '10', 'curl', '-sS', '-m', '8', `http://${where}/`]],
    [`wget to ${where}`, ['timeout', '10', 'wget', '-T', '8', '-O', '-', `http://${where}/`]],
    [`python3 to ${where}`, ['timeout', '10', 'python3', '-c', python, gateway, `${port}`]],
    [lookUp, ['timeout', '10', 'getent', 'hosts', 'example.org']],
  ];
  try {
    const tried: string[] = [];
    let atAddress = 0;
    for (const [what, argv] of knocks) {
      const outcome = await knock(host, argv, signal);
      if (outcome === 'missing') continue;
      if (outcome === 'reached') return [{ name, passed: false, detail: `${what}: reached something outside` }];
      if (what !== lookUp) atAddress += 1;
      tried.push(`${what}: ${outcome}`);
    }
    if (visits > 0) return [{ name, passed: false, detail: `it reached this machine: ${tried.join('; ')}` }];
    if (atAddress === 0) return [];
    return [{ name, passed: true, detail: `nothing got out, and nobody came here: ${tried.join('; ')}` }];
  } finally {
    server.close();
  }
}

const python = 'import socket,sys; socket.create_connection((sys.argv[1],int(sys.argv[2])),8)';

/** @returns what came of it, in the words of who tried */
async function knock(host: Host, argv: Argv, signal: AbortSignal): Promise<string> {
  try {
    const { code, stderr } = await host.run(
      argv,
      { timeoutMs: 60_000, okCodes: anyCode, maxOutput: 1024 * 1024 },
      signal,
    );
    if (code === 0) return 'reached';
    if (code === 126 || code === 127) return 'missing';
    const said = printable(stderr.trim().split('\n').at(-1)?.slice(0, 120) ?? '');
    return code === 124 ? 'no answer' : said || `exit status ${code}`;
  } catch (error) {
    throwIfAborted(signal);
    const { code, message } = asLifeboatError(error);
    // A machine that has ended proves nothing by its silence.
    if (code === 'unreachable' || code === 'machine-failed') throw error;
    return code === 'tool-missing' ? 'missing' : message;
  }
}
