/** What a machine that starts over the network finds there: DHCP, TFTP and HTTP, in a network namespace with nothing else in it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { localHost } from '../../src/host/local.ts';
import { toolsIn } from '../../src/media/tools.ts';
import type { Qemu } from '../../src/qemu/program.ts';
import type { NetworkCard } from '../../src/qemu/spec.ts';
import { unpackedPackages } from './packages.ts';

/** Why there is none for this user; `undefined` where there is. */
export const whyNoBootServer = userInfo().uid === 0 ? undefined : 'network interfaces are made by root';

/** Of the server, also by HTTP. */
export const serverAddress = '192.0.2.1';

export interface BootServer extends AsyncDisposable {
  /** The card of a machine that starts from it. */
  readonly card: NetworkCard;
  /** QEMU in the namespace in which that card's interface is. */
  inside(qemu: Qemu): Qemu;
  /** What dnsmasq and the HTTP server said. */
  log(): Promise<string>;
}

/**
 * @param tree what it gives out, by TFTP and HTTP
 * @param lines of dnsmasq's configuration: what a machine is told to load
 * @param work an empty directory
 */
export async function startBootServer(tree: string, lines: string, work: string): Promise<BootServer> {
  await using stack = new AsyncDisposableStack();
  const start = (program: string, ...args: readonly string[]): ChildProcess => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    stack.defer(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    return child;
  };
  const holder = start('unshare', '--net', 'sh', '-ec', interfaces);
  // Its word that the interface is up.
  if (holder.stdout !== null) await once(holder.stdout, 'data');
  const enter = ['nsenter', `--net=/proc/${holder.pid}/ns/net`] as const;
  const config = join(work, 'dnsmasq.conf');
  const log = (name: string): string => join(work, name);
  await mkdir(work, { recursive: true });
  await writeFile(config, `${settings(tree, work, log('dnsmasq.log'))}${lines}\n`);
  const tools = toolsIn(localHost(), await unpackedPackages('trixie', ['dnsmasq-base']));
  const [program, ...args] = await tools.argv('dnsmasq', ['--keep-in-foreground', `--conf-file=${config}`]);
  start('nsenter', enter[1], program, ...args);
  const files = join(import.meta.dirname, 'http-files.mjs');
  start('nsenter', enter[1], process.execPath, files, tree, serverAddress, log('http.log'));
  const owned = stack.move();
  return {
    card: { network: { kind: 'tap', name: 'tap0' }, bootIndex: 1 },
    inside: (qemu) => ({ ...qemu, argv: (name) => [...enter, ...qemu.argv(name)] }),
    async log() {
      const texts = ['dnsmasq.log', 'http.log'].map((name) => readFile(log(name), 'utf8').catch(() => ''));
      return (await Promise.all(texts)).join('');
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const interfaces = `ip link set lo up
ip tuntap add dev tap0 mode tap
ip address add ${serverAddress}/24 dev tap0
ip link set tap0 up
echo up
exec sleep infinity`;

const settings = (tree: string, work: string, log: string): string => `port=0
interface=tap0
dhcp-range=192.0.2.50,192.0.2.99,1h
dhcp-leasefile=${join(work, 'leases')}
pid-file=
user=root
enable-tftp
tftp-root=${tree}
log-facility=${log}
log-dhcp
`;
