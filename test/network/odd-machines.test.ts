/** Machines with odd names, many links, little permission, and programs at work. */
import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { readByCommand } from '../../src/host/by-commands.ts';
import type { Host } from '../../src/host/host.ts';
import { captureNetwork } from '../../src/network/capture.ts';
import { networkChanges } from '../../src/network/diff.ts';
import { networkText } from '../../src/network/text.ts';
import { parseNetwork } from '../../src/network/types.ts';
import { endProcess } from '../helpers/child-process.ts';
import { machine, noMachine } from './machine.ts';
import { build, capture, settled } from './scene.ts';

const reason = noMachine();
if (reason !== undefined) console.log(`network namespaces: skipped: ${reason}`);

describe.skipIf(reason !== undefined)('odd machines', () => {
  test('names that break the JSON of iproute2', async () => {
    await using own = await machine();
    for (const name of [`a'b`, 'a"b', 'a\\b', 'a\u001b[2Jb', 'é', '-n', '$(x)', '{}']) {
      await own.host.run(['ip', 'link', 'add', 'name', name, 'type', 'ifb'], {}, new AbortController().signal);
    }
    const network = await capture(own);
    expect(network.gaps).toEqual([]);
    expect(network.links.map(({ name }) => name)).toEqual(
      expect.arrayContaining([`a'b`, 'a"b', 'a\\b', 'a\u001b[2Jb', 'é', '-n', '$(x)', '{}']),
    );
    expect(networkText(network)).not.toContain('\u001b');
    parseNetwork(JSON.parse(JSON.stringify(network)));
  });

  test('hundreds of links and thousands of routes', async () => {
    await using own = await machine();
    const links = Array.from({ length: 200 }, (_, index) => `link add v${index} type veth peer name w${index}`);
    const routes = Array.from({ length: 5_000 }, (_, index) => `route add 10.${index >> 8}.${index & 255}.0/24 dev v0`);
    own.run('ip -batch -', `${links.join('\n')}\nlink set lo up\nlink set v0 up\n${routes.join('\n')}\n`);
    const network = await capture(own);
    expect(network.gaps).toEqual([]);
    expect(network.links).toHaveLength(401);
    expect(network.routes.filter(({ dev, table }) => dev === 'v0' && table === 'main').length).toBeGreaterThanOrEqual(
      5_000,
    );
    expect(networkChanges(network, await capture(own))).toEqual([]);
  });

  test('a user that is not root sees the rest, and what it cannot see is named', async () => {
    await using own = await machine();
    build(own);
    await settled(own);
    own.run('chmod 700 /etc/wireguard');
    own.run('chmod 600 /etc/network/interfaces');
    const all = await capture(own);
    const drop = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'] as const;
    const nobody: Host = {
      ...own.host,
      run: (argv, options, inner) => own.host.run([...drop, ...argv], options, inner),
      read: (path, options, inner) => readByCommand(nobody, path, options, inner),
    };
    const some = await captureNetwork(nobody, new Date(), new AbortController().signal);
    const unseen = some.gaps.map(({ subject }) => subject);
    expect(unseen).toContain('/etc/wireguard');
    expect(unseen).toContain('/etc/network/interfaces');
    expect(unseen).toContain('rules of nft');
    expect(some.links.map(({ name }) => name)).toEqual(all.links.map(({ name }) => name));
    // "Not seen" is not "gone", whichever of the two it was.
    expect(networkChanges(all, some)).toEqual([]);
    expect(networkChanges(some, all)).toEqual([]);
  });

  test('iptables, in both of its variants', async ({ skip }) => {
    await using own = await machine();
    try {
      own.run('iptables-legacy -A INPUT -p tcp --dport 22 -j ACCEPT');
      own.run('iptables-nft -A INPUT -p tcp --dport 80 -m comment --comment own -j ACCEPT');
    } catch (error) {
      skip(`no rules of iptables here: ${String(error).split('\n', 1)[0]}`);
    }
    const before = await capture(own);
    const rules = Object.fromEntries((before.firewall ?? []).map((firewall) => [firewall.kind, firewall.rules]));
    expect(rules['iptables-legacy']).toContain('-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT');
    expect(rules['iptables']).toContain('--comment own -j ACCEPT');
    expect(networkChanges(before, await capture(own))).toEqual([]);
    // It is in the answer of nft too, and told once.
    own.run('iptables-nft -A INPUT -p tcp --dport 443 -j ACCEPT');
    expect(networkChanges(before, await capture(own)).map(({ text }) => text)).toEqual([
      'rules of iptables have changed: + -A INPUT -p tcp -m tcp --dport 443 -j ACCEPT',
    ]);
  });

  test('a program in the middle of its work: a tap that goes with it', async () => {
    await using own = await machine();
    const before = await capture(own);
    const [program, ...prefix] = own.enter;
    const script =
      'import fcntl,struct,time;f=open("/dev/net/tun","r+b",buffering=0);fcntl.ioctl(f,0x400454ca,struct.pack("16sH22x",b"mine0",0x1002));print(1,flush=True);time.sleep(60)';
    const child = spawn(program, [...prefix, 'python3', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const after = await capture(own);
    await endProcess(child);
    expect(after.links.find(({ name }) => name === 'mine0')?.detail).toMatchObject({ kind: 'tun', persist: false });
    expect(networkChanges(before, after)).toEqual([]);
  });
});
