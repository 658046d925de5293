/** Servers of Debian 13 are checkpointed and restored while a client of theirs asks them over one connection, and checks every answer. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Argv } from '../../src/host/host.ts';
import { output } from '../helpers/child-process.ts';
import { type CheckpointHost, checkpointHost } from '../helpers/checkpoint-host.ts';
import { containerObstacle } from '../helpers/container-host.ts';
import { bundle, shell, silently } from '../helpers/container-programs.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { inNetwork, network, startedClient, withTmpfs } from '../helpers/workload.ts';
import { unpackedPackages } from '../lab/packages.ts';
import { signal } from './conformance.ts';

const obstacle = containerObstacle();
const why = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

const root = '/ct/debian';
const file = '/srv/server.tar';
const seen = '/srv/seen';
const binaries = '/usr/lib/postgresql/17/bin';

const packages = ['base-files', 'coreutils', 'dash', 'nginx', 'postgresql-17', 'redis-server'];

/** Where each writes is in memory; a name for who they are, as none of the packages' scripts has made one. */
const setUp = (tree: string): Argv =>
  shell(`set -e
mkdir -p ${root} /tmp/upper /tmp/work
mount -t overlay -o lowerdir=${tree},upperdir=/tmp/upper,workdir=/tmp/work none ${root}
mkdir -p ${root}/etc ${root}/proc ${root}/sys ${root}/dev ${root}/tmp
test -e ${root}/bin/sh || ln -s dash ${root}/bin/sh
printf 'root:x:0:0::/:/bin/sh\nserver:x:1000:1000::/tmp:/bin/sh\n' > ${root}/etc/passwd
echo root:x:0: > ${root}/etc/group
cat > ${root}/etc/nginx.conf <<'END'
daemon off; user root; pid /tmp/nginx.pid; error_log /tmp/error.log;
worker_processes 2;
events { }
http {
  access_log off; keepalive_requests 1000000;
  client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c; uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;
  server { listen 127.0.0.1:8080; location / { return 200 "$arg_n\\n"; } }
}
END
ip netns add work; ip -n work link set lo up`);

/** In a root of its own. */
const edits = [
  inNetwork,
  withTmpfs,
  `s#"path": "/ct/rootfs"#"path": "${root}"#`,
  // nginx asks for its user, also where it is root.
  's/"CAP_AUDIT_WRITE"/"CAP_AUDIT_WRITE", "CAP_SETUID", "CAP_SETGID"/',
];

const postgres = `export LD_PRELOAD=/not-root.so; ${binaries}/initdb -D /tmp/data -U postgres -A trust --no-sync --locale=C >/tmp/log 2>&1 && exec ${binaries}/postgres -D /tmp/data -k /tmp -c listen_addresses=127.0.0.1`;

const counted = z.object({ answered: z.number() });

const servers: Readonly<Record<string, { readonly program: readonly string[]; readonly port: number }>> = {
  nginx: { program: ['/usr/sbin/nginx', '-e', '/tmp/error.log', '-c', '/etc/nginx.conf'], port: 8080 },
  redis: {
    program: ['/usr/bin/redis-server', '--port', '6379', '--bind', '127.0.0.1', '--save', '', '--dir', '/tmp'],
    port: 6379,
  },
  postgres: { program: ['/bin/sh', '-c', postgres], port: 5432 },
};

describe.skipIf(obstacle !== undefined)(`servers${why}`, () => {
  let host: CheckpointHost;
  beforeAll(async () => {
    const tree = await unpackedPackages('trixie', packages);
    host = await checkpointHost({ shared: [tree] });
    await host.run(setUp(tree), {}, signal);
    await using work = await temporaryDirectory();
    const preloaded = join(work.path, 'not-root.so');
    await output('cc', '-O2', '-shared', '-fPIC', '-o', preloaded, join(import.meta.dirname, '../helpers/not-root.c'));
    await host.write(`${root}/not-root.so`, await readFile(preloaded), {}, signal);
  }, 600_000);
  afterAll(() => host[Symbol.asyncDispose]());

  const run = async (script: string): Promise<string> =>
    (await host.run(shell(script), { timeoutMs: 60_000 }, signal)).stdout.toString();

  async function started(name: string): Promise<number> {
    const { program, port } = servers[name] ?? { program: [], port: 0 };
    await host.run(bundle(name, program, edits), {}, signal);
    await host.run(silently(`crun run -d -b /ct/${name} ${name}`), {}, signal);
    const listening = `nsenter --net=${network} ss -Hltn | grep -c ':${port} ' || :`;
    await expect.poll(async () => (await run(listening)).trim(), { timeout: 30_000 }).toBe('1');
    return port;
  }

  async function moved(name: string): Promise<void> {
    const made = await host.lifeboat('container', 'checkpoint', name, '--output', file, '--tcp=keep');
    expect(made.json.error).toBeUndefined();
    await run(`crun delete --force ${name} 2>/dev/null || :`);
    expect((await host.lifeboat('container', 'restore', file, '--unsigned')).json.error).toBeUndefined();
    await run(`rm ${file}`);
  }

  const ended = async (): Promise<string> =>
    await run(
      `kill "$(cat ${seen}.pid)"; for i in $(seq 100); do test -s ${seen} && break; sleep 0.1; done; cat ${seen}; rm ${seen}`,
    );

  test.each([
    ['nginx', 'http'],
    ['redis', 'redis'],
  ])('%s', async (name, protocol) => {
    const port = await started(name);
    const script = join(import.meta.dirname, '../helpers/server-client.mjs');
    const { told, ended } = await startedClient(host, [script, protocol, String(port)]);
    await sleep(300);
    for (let times = 0; times < 2; times++) await moved(name);
    // By the restored one, too; what TCP sends again after a long pause comes some seconds later.
    const answered = async (): Promise<number> => counted.parse(JSON.parse(await told('USR1'))).answered;
    const then = await answered();
    await expect.poll(answered, { timeout: 60_000 }).toBeGreaterThan(then + 20);
    const seen: unknown = JSON.parse(await told('TERM'));
    await ended();
    expect(seen).toEqual({ answered: expect.any(Number), wrong: 0, connections: 1 });
    await run(`crun delete --force ${name}`);
  });

  test('postgres', async () => {
    await started('postgres');
    // One connection, whose server process stays the same one.
    const psql = `LD_LIBRARY_PATH= nsenter --net=${network} chroot ${root} /usr/lib/postgresql/17/bin/psql -h 127.0.0.1 -U postgres -At`;
    await expect
      .poll(async () => (await host.tried(shell(`${psql} -c 'CREATE TABLE t AS SELECT 0 AS n'`))).said, {
        timeout: 30_000,
      })
      .toContain('SELECT 1');
    const watching = `echo 'UPDATE t SET n = n + 1 RETURNING n, pg_backend_pid() \\watch interval=0.02' | ${psql}`;
    await host.run(shell(`exec </dev/null >${seen} 2>&1; (${watching}) & echo $! > ${seen}.pid`), {}, signal);
    await sleep(500);
    for (let times = 0; times < 2; times++) await moved('postgres');
    const answered = async (): Promise<number> => Number(await run(`grep -c '|' ${seen}`));
    const then = await answered();
    await expect.poll(answered, { timeout: 60_000 }).toBeGreaterThan(then + 5);
    const lines = (await ended()).split('\n').filter((line) => line.includes('|'));
    expect(lines.map((line) => line.split('|')[0])).toEqual(lines.map((_line, index) => `${index + 1}`));
    expect(new Set(lines.map((line) => line.split('|')[1])).size).toBe(1);
    // What it has promised to keep is there, by a new connection too, and sound.
    const checked = await run(
      `${psql} -c 'SELECT n >= ${lines.length} FROM t' -c 'CHECKPOINT' -c "SELECT count(*) FROM pg_class WHERE relname = 't'"`,
    );
    expect(checked).toBe('t\nCHECKPOINT\n1\n');
    await run('crun delete --force postgres');
  });
});
