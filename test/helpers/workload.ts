/** What is checkpointed while it works, and who asks it all the time, in a network that outlives it. */
import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../../src/host/host.ts';
import { output } from './child-process.ts';
import { silently } from './container-programs.ts';
import { temporaryDirectory } from './temporary.ts';

const { signal } = new AbortController();
const node = realpathSync(process.execPath);
const client = join(import.meta.dirname, 'workload-client.mjs');

/** A namespace of a network that both are in. */
export const network = '/run/netns/work';

/** `config.json` of a container that is in {@link network}. */
export const inNetwork = `s#"type": "network"#"type": "network", "path": "${network}"#`;

/** And has a filesystem in memory at /tmp, whose files CRIU finds by their handles. */
export const withTmpfs =
  's#"mounts": \\[#&{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]},#';

/** Puts the workload into `/ct/rootfs/bin` of a root for containers, and makes the network. */
export async function prepareWorkload(host: Host): Promise<void> {
  await using work = await temporaryDirectory();
  const program = join(work.path, 'workload');
  await output(
    'cc',
    '-std=gnu11',
    '-O2',
    '-static',
    '-o',
    program,
    join(import.meta.dirname, 'workload.c'),
    '-pthread',
  );
  await host.write('/ct/rootfs/bin/workload', await readFile(program), { mode: 0o755 }, signal);
  // On the overlay that the root is, where CRIU finds what is watched only when it is told.
  await host.run(['mkdir', '/ct/rootfs/work'], {}, signal);
  await host.run(['sh', '-c', 'ip netns add work && ip -n work link set lo up'], {}, signal);
}

export interface Seen {
  readonly tcp: Answers;
  readonly udp: Answers & { readonly lost: number };
}

interface Answers {
  readonly answered: number;
  readonly wrong: number;
  /** The longest time without an answer, in milliseconds. */
  readonly longestMs: number;
  readonly error?: string;
  readonly closed?: boolean;
}

export interface Client extends AsyncDisposable {
  /** Until now. */
  seen(): Promise<Seen>;
  end(): Promise<Seen>;
}

/** Somebody who asks it without a pause. */
export async function asked(host: Host, port: number): Promise<Client> {
  const { told, ended } = await startedClient(host, [client, String(port)]);
  return {
    seen: async () => JSON.parse(await told('USR1')) as Seen,
    end: async () => JSON.parse(await told('TERM')) as Seen,
    [Symbol.asyncDispose]: ended,
  };
}

/** Of a program of Node in {@link network}, which gets a file as its last word: what it writes there at a signal. */
export async function startedClient(host: Host, words: readonly string[]) {
  const file = `/srv/seen-${words.join('-').replace(/[^a-z0-9]+/g, '-')}`;
  const argv = [node, ...words, file].join(' ');
  await host.run(silently(`nsenter --net=${network} ${argv} & echo $! > ${file}.pid`), {}, signal);
  return {
    async told(by: 'USR1' | 'TERM'): Promise<string> {
      const wait = `rm -f ${file}; kill -${by} "$(cat ${file}.pid)"; for i in $(seq 100); do test -s ${file} && break; sleep 0.1; done; cat ${file}`;
      return (await host.run(['sh', '-c', wait], {}, signal)).stdout.toString();
    },
    async ended(): Promise<void> {
      await host.run(['sh', '-c', `kill "$(cat ${file}.pid)" 2>/dev/null; rm -f ${file} ${file}.pid`], {}, signal);
    },
  };
}

/** How far it has come with each thing that it uses, and `wrong`. */
export async function stateOf(host: Host, port: number): Promise<Readonly<Record<string, number>>> {
  const script =
    "const c = require('node:net').connect(+process.argv[1], '127.0.0.1'); c.write('state\\n'); c.once('data', (line) => { process.stdout.write(line); c.destroy(); })";
  const argv = ['nsenter', `--net=${network}`, node, '-e', script, String(port)] as const;
  const { stdout } = await host.run(argv, { timeoutMs: 30_000 }, signal);
  return JSON.parse(stdout.toString()) as Record<string, number>;
}
