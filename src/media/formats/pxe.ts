/**
 * A tree for machines that start over the network: the root of a TFTP server, and of an HTTP server where there is one. It has what BIOS and
 * UEFI load (also where only what is signed is started), and the menu in the words of each loader.
 */
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tools } from '../tools.ts';
import { extlinuxConfig } from './extlinux.ts';
import type { Format, FormatPlace, FormatSource, MenuEntry } from './format.ts';
import { grubEntries } from './grub-config.ts';
import { inMemoryEntries, isInMemory, writeInMemory } from './in-memory.ts';

export const pxe: Format = {
  name: 'pxe',
  makes: 'directory',
  isPublic: true,
  isOwn: (name) => written.has(name) || (name.startsWith('lifeboat/') && isInMemory(name.slice('lifeboat/'.length))),
  write: writePxe,
};

/** Files of the tools, by the names at which firmware and loaders look for them. */
const programs: Readonly<Record<string, string>> = {
  'pxelinux.0': 'usr/lib/PXELINUX/pxelinux.0',
  // The same with HTTP.
  'lpxelinux.0': 'usr/lib/PXELINUX/lpxelinux.0',
  ...Object.fromEntries(
    ['ldlinux.c32', 'menu.c32', 'libutil.c32', 'libcom32.c32'].map((name) => [
      name,
      `usr/lib/syslinux/modules/bios/${name}`,
    ]),
  ),
  'bootx64.efi': 'usr/lib/shim/shimx64.efi.signed',
  'grubx64.efi': 'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed',
  'mmx64.efi': 'usr/lib/shim/mmx64.efi.signed',
};

const written: ReadonlySet<string> = new Set([
  ...Object.keys(programs),
  'grub.0',
  'boot.ipxe',
  'pxelinux.cfg/default',
  'grub/grub.cfg',
  'dnsmasq.conf',
]);

/** Modules of GRUB that it starts with under BIOS. */
const biosModules = 'pxe tftp http normal configfile linux echo test serial terminal gzio all_video';

async function writePxe(source: FormatSource, place: FormatPlace, signal: AbortSignal): Promise<void> {
  const { tools, output, address } = place;
  for (const name of ['grub', 'pxelinux.cfg']) await mkdir(join(output, name), { recursive: true });
  for (const [name, from] of Object.entries(programs)) await copyFile(tools.file(from), join(output, name));
  await writeBiosGrub(tools, join(output, 'grub.0'), signal);
  await writeInMemory(source, join(output, 'lifeboat'), signal);
  // Servers of files seldom run as who made them.
  await chmod(join(output, 'lifeboat/initrd'), 0o644);
  const entries = inMemoryEntries(source.entries);
  await writeFile(join(output, 'boot.ipxe'), ipxeScript(entries));
  await writeFile(join(output, 'pxelinux.cfg/default'), extlinuxConfig(entries, 'lifeboat'));
  await writeFile(join(output, 'grub/grub.cfg'), netGrubConfig(entries, address));
  await writeFile(join(output, 'dnsmasq.conf'), dnsmasqConfig(address));
}

async function writeBiosGrub(tools: Tools, file: string, signal: AbortSignal): Promise<void> {
  const of = ['-O', 'i386-pc-pxe', '-d', tools.file('usr/lib/grub/i386-pc'), '-p', '/grub', '-o', file];
  await tools.run('grub-mkimage', [...of, ...biosModules.split(' ')], {}, signal);
}

/** Names without a beginning are looked for where the script came from, by TFTP or HTTP. */
export function ipxeScript(entries: readonly MenuEntry[]): string {
  const items = entries.map(({ title }, index) => `item entry${index} ${title}\n`).join('');
  const starts = entries.map(
    ({ words }, index) => `:entry${index}
kernel lifeboat/vmlinuz initrd=initrd ${words.join(' ')} || goto failed
initrd --name initrd lifeboat/initrd || goto failed
boot || goto failed
`,
  );
  return `#!ipxe
menu lifeboat
${items}choose --default entry0 --timeout 2000 chosen && goto \${chosen} || goto entry0
${starts.join('')}:failed
echo The rescue system could not be loaded. The shell of iPXE follows.
shell
`;
}

/**
 * GRUB as it is signed reads it at the top of its server; what it names lies where GRUB itself was loaded from, or comes by HTTP, which is
 * quicker.
 */
export function netGrubConfig(entries: readonly MenuEntry[], address?: string): string {
  return `if [ -n "$cmdpath" ]; then set folder="$cmdpath/lifeboat"; else set folder=/lifeboat; fi
${grubEntries(entries, '$folder', address === undefined ? undefined : `${grubDevice(address)}/lifeboat`)}`;
}

/** An address in GRUB's words: `(http,server)/folder`. */
function grubDevice(address: string): string {
  const { host, pathname } = new URL(address);
  return `(http,${host})${pathname.replace(/\/+$/, '')}`;
}

/**
 * To be read by a dnsmasq that answers DHCP, or that adds to what another server answers. Firmware of the kind UEFI gets shim by TFTP also where
 * there is HTTP: when it was loaded by HTTP, shim 16 asks for GRUB by a wrong name.
 *
 * @param address of the tree by HTTP
 */
export function dnsmasqConfig(address?: string): string {
  const from = address === undefined ? '' : `${address.replace(/\/+$/, '')}/`;
  return `# What a machine is told to load, by who asks. For dnsmasq: conf-file=/path/of/this, with dhcp-range, enable-tftp and tftp-root in its own.
dhcp-match=set:ipxe,175
dhcp-match=set:bios,option:client-arch,0
dhcp-match=set:efi,option:client-arch,7
dhcp-match=set:efi,option:client-arch,9
dhcp-boot=tag:ipxe,${from}boot.ipxe
dhcp-boot=tag:!ipxe,tag:efi,bootx64.efi
dhcp-boot=tag:!ipxe,tag:bios,${from === '' ? 'pxelinux.0' : 'lpxelinux.0'}
${from === '' ? '' : `# Where pxelinux takes all from that follows it.\ndhcp-option-force=tag:bios,210,${from}\n`}`;
}
