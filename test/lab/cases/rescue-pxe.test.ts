/** Machines without any disk that start the rescue system over the network, from a tree that the program made, by its own lines for dnsmasq. */
import { copyFile, cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { firmwareOf, type FirmwareKind } from '../../../src/machine/firmware.ts';
import { startMachine } from '../../../src/machine/machine.ts';
import { ofToday } from '../../helpers/suite.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { serverAddress, startBootServer, whyNoBootServer } from '../boot-server.ts';
import { unpackedPackages } from '../packages.ts';
import { labEmulation } from '../prepared.ts';
import { rescueLimitMs, rescueMedium } from '../rescue.ts';

const timeout = 3 * rescueLimitMs;
if (whyNoBootServer !== undefined) console.log(`${import.meta.filename}: left out, as ${whyNoBootServer}`);

interface Scene {
  readonly name: string;
  readonly firmware: FirmwareKind;
  /** Whether the tree is made for an HTTP server as well. */
  readonly http: boolean;
  /** Makes the server's lines such that the machine comes this way. @default as they are: QEMU's cards have iPXE under BIOS */
  readonly lines?: (text: string) => string;
  /** Of the files that the machine has to have asked for. */
  readonly loads: readonly RegExp[];
}

/** As if the cards had the firmware of their makers. */
const withoutIpxe = (text: string): string =>
  text
    .replaceAll('tag:!ipxe,', '')
    .split('\n')
    .filter((line) => !line.includes('ipxe'))
    .join('\n');

const chained = (text: string): string => text.replace('tag:efi,bootx64.efi', 'tag:efi,ipxe.efi');

const scenes: readonly Scene[] = [
  {
    name: 'iPXE by HTTP',
    firmware: 'bios',
    http: true,
    loads: [/http GET \/boot\.ipxe 200/, /http GET \/lifeboat\/initrd 200/],
  },
  {
    name: 'shim and GRUB, by Secure Boot',
    firmware: 'secure',
    http: false,
    loads: [/sent .*\/bootx64\.efi/, /sent .*\/grubx64\.efi/, /sent .*\/lifeboat\/initrd/],
  },
  {
    name: 'pxelinux by HTTP',
    firmware: 'bios',
    http: true,
    lines: withoutIpxe,
    loads: [/sent .*\/lpxelinux\.0/, /http GET \/lifeboat\/initrd 200/],
  },
  {
    name: 'pxelinux',
    firmware: 'bios',
    http: false,
    lines: withoutIpxe,
    loads: [/sent .*\/pxelinux\.0/, /sent .*\/lifeboat\/initrd/],
  },
  { name: 'iPXE', firmware: 'bios', http: false, loads: [/sent .*\/boot\.ipxe/, /sent .*\/lifeboat\/initrd/] },
  {
    name: 'iPXE by HTTP, which UEFI loads',
    firmware: 'uefi',
    http: true,
    lines: chained,
    loads: [/sent .*\/ipxe\.efi/, /http GET \/lifeboat\/initrd 200/],
  },
  {
    name: 'shim and GRUB, which goes on by HTTP',
    firmware: 'secure',
    http: true,
    loads: [/sent .*\/grubx64\.efi/, /http GET \/lifeboat\/vmlinuz 200/, /http GET \/lifeboat\/initrd 200/],
  },
  {
    name: 'GRUB under BIOS',
    firmware: 'bios',
    http: false,
    lines: () => 'dhcp-boot=grub.0',
    loads: [/sent .*\/grub\/grub\.cfg/, /sent .*\/lifeboat\/initrd/],
  },
];

test.skipIf(whyNoBootServer !== undefined).each(ofToday(scenes, new Date()))('$name', { timeout }, async (scene) => {
  const { signal } = new AbortController();
  const address = `http://${serverAddress}`;
  const { file, medium } = await rescueMedium({ format: 'pxe', ...(scene.http ? { options: { address } } : {}) });
  await using work = await temporaryDirectory();
  const tree = scene.lines === chained ? await withIpxe(file, work.path) : file;
  const text = await readFile(join(tree, 'dnsmasq.conf'), 'utf8');
  await using server = await startBootServer(tree, scene.lines?.(text) ?? text, join(work.path, 'server'));
  const emulation = await labEmulation(signal);
  const firmware = await firmwareOf(scene.firmware, emulation.qemu, work.path, signal);
  const spec = {
    name: 'rescue',
    memoryMiB: 1024,
    cpus: 1,
    firmware,
    disks: [],
    cards: [server.card],
    screen: true,
  } as const;
  await using machine = await startMachine(spec, { ...emulation, qemu: server.inside(emulation.qemu) }, signal);
  try {
    await machine.serial.waitFor(/Number, or arrow keys, then Enter:/, rescueLimitMs, signal);
  } catch (error) {
    throw new Error(`not started; the server said:\n${await server.log()}`, { cause: error });
  }
  const log = await server.log();
  for (const one of scene.loads) expect(log).toMatch(one);
  await using host = await machine.connect(rescueLimitMs, signal);
  const { stdout } = await host.run(['cat', '/etc/lifeboat/medium.json'], {}, signal);
  expect(JSON.parse(stdout.toString())).toEqual(medium);
});

/** The tree with iPXE as Debian builds it, for firmware that has none. */
async function withIpxe(tree: string, work: string): Promise<string> {
  const own = join(work, 'tree');
  await cp(tree, own, { recursive: true });
  const ipxe = await unpackedPackages('trixie', ['ipxe']);
  await copyFile(join(ipxe, 'usr/lib/ipxe/ipxe.efi'), join(own, 'ipxe.efi'));
  return own;
}
