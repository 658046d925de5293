import { unpackedPackages } from './packages.ts';

/**
 * The directory with QEMU, its firmware and its tools, which the machine need not have: an unpacked tree, whose programs run
 * through its own loader.
 *
 * @throws Error with the reason where there is no way to get it
 */
export async function labQemu(): Promise<string> {
  return await unpackedPackages('trixie', ['qemu-system-x86', 'qemu-utils', 'ovmf', 'seabios', 'ipxe-qemu']);
}
