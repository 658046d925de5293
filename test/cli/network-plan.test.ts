/** `network plan` and `network apply` through the real command line: in a machine of namespaces, and below a directory. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sandbox, signalAt } from '../helpers/cli.ts';
import { machine, noMachine } from '../network/machine.ts';

const reason = noMachine();
if (reason !== undefined) console.log(`network apply in namespaces: skipped: ${reason}`);

const card = (name: string, mac: string, slot: string) => ({
  name,
  index: 2,
  kind: 'ether',
  mtu: 1500,
  state: 'up',
  permanentMac: mac,
  busPath: `pci0000:00/${slot}`,
  driver: 'virtio_net',
  addresses: [{ address: '192.0.2.1', prefix: 24, family: 'inet', scope: 'global', dynamic: false, origin: 'static' }],
});

const network = (...links: readonly object[]) => ({
  format: 'lifeboat.network/1',
  capturedAt: '2026-11-21T12:00:00.000Z',
  hostname: 'web1',
  links,
  routes: [],
  dns: { servers: [], search: [] },
  gaps: [],
});

/** A machine as it was, another with other cards, and the other's files. */
async function place() {
  const box = await sandbox({ bare: true });
  const write = (name: string, document: object): string => {
    const path = join(box.base, name);
    writeFileSync(path, JSON.stringify(document));
    return path;
  };
  const wanted = write('wanted.json', network(card('ens3', '52:54:00:00:00:01', '0000:00:03.0')));
  const found = write(
    'found.json',
    network(card('enp1s0', '52:54:00:00:00:02', '0000:01:00.0'), card('enp2s0', '52:54:00:00:00:03', '0000:02:00.0')),
  );
  const root = join(box.base, 'root');
  const file = join(root, 'etc/network/interfaces');
  mkdirSync(join(root, 'etc/network'), { recursive: true });
  writeFileSync(file, 'auto ens3\niface ens3 inet static\n  address 192.0.2.1/24\n  wpa-psk hunter2-secret\n');
  return { box, wanted, found, root, file, plan: join(box.base, 'plan.json') };
}

test('a configuration: planned, refused without consent, and rewritten', async () => {
  const { box, wanted, found, root, file, plan } = await place();
  await using _box = box;
  const map = '52:54:00:00:00:01=52:54:00:00:00:02';
  const sources = ['network', 'plan', '--network', wanted, '--to', found] as const;
  const { code, stdout } = await box.run(...sources, '--map', map, '--root', root, '--commands', '--output', plan);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ {2}enp1s0 {2}52:54:00:00:00:02 {2}takes the place of ens3 .*: as told/m);
  expect(stdout).toContain('1 - auto ens3');
  expect(stdout).toContain('1 + auto enp1s0');
  expect(stdout).toMatch(/Not touched:\n {2}enp2s0/);
  expect(stdout + readFileSync(plan, 'utf8')).not.toContain('hunter2');
  const [, digest = ''] = /Digest: (\w{16})\n$/.exec(stdout) ?? [];

  const before = readFileSync(file, 'utf8');
  expect(await box.ask('network', 'apply', plan)).toMatchObject({ code: 5 });
  expect(await box.run('network', 'apply', plan, '--dry-run')).toMatchObject({ code: 0 });
  expect(readFileSync(file, 'utf8')).toBe(before);
  expect(await box.run('network', 'apply', plan, `--yes=${digest}`)).toMatchObject({ code: 0 });
  expect(readFileSync(file, 'utf8')).toBe(before.replaceAll('ens3', 'enp1s0'));
});

test('what is not to be had together, and no card at all', async () => {
  const { box, wanted, found, root } = await place();
  await using _box = box;
  const plan = ['network', 'plan', '--network', wanted, '--to', found] as const;
  expect(await box.run(...plan, '--live', '--root', root)).toMatchObject({ code: 2 });
  const alone = join(box.base, 'alone.json');
  writeFileSync(alone, JSON.stringify(network()));
  const none = ['network', 'plan', '--network', wanted, '--to', alone] as const;
  expect(await box.run(...none)).toMatchObject({ code: 5, stderr: expect.stringMatching(/ens3[^]*--exclude ens3/) });
  expect((await box.run(...none, '--exclude', 'ens3')).stdout).toContain('left out, as told: ens3');
});

test.skipIf(reason !== undefined)(
  'live links: killed in the middle, and gone on with, although the connection is gone',
  async () => {
    await using own = await machine();
    const { box, plan } = await place();
    await using _box = box;
    const wanted = join(box.base, 'captured.json');
    for (const line of [
      'ip link add veth0 type veth peer name veth1',
      'ip link add br0 type bridge',
      'ip link set veth1 master br0',
      'ip link set veth0 mtu 1400',
      'ip link set br0 up',
      'ip link set veth0 up',
      'ip link set veth1 up',
      'ip addr add 192.0.2.1/24 dev veth0',
      'ip route add default via 192.0.2.254',
    ])
      own.run(line);
    const through = { through: own.enter };
    expect(await box.start(['network', 'capture', '--output', wanted], through).ended).toMatchObject({ code: 0 });

    await using other = await machine();
    const there = { through: other.enter };
    const planned = await box.start(['network', 'plan', '--network', wanted, '--live', '--output', plan], there).ended;
    const [, digest = ''] = /Digest: (\w{16})\n$/.exec(planned.stdout) ?? [];
    const apply = ['network', 'apply', plan, `--yes=${digest}`];
    const kill = signalAt(box, 'set up', 1, 'SIGKILL');
    expect((await box.start(apply, { ...there, ...kill }).ended).code).toBeNull();
    expect(other.run('ip link show br0')).toContain('state DOWN');
    // As sshd ends what a connection was for.
    const hangUp = signalAt(box, 'switch', 1, 'SIGHUP');
    const ended = await box.start(apply, { ...there, ...hangUp }).ended;
    expect(ended).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('captured again, it is the same'),
      stderr: expect.stringContaining('switch '),
    });
    expect(other.run('ip route show default')).toContain('via 192.0.2.254 dev veth0');
  },
);
