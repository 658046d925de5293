/** What a program needs in order to start, out of its own header: ELF of 64 bits, little-endian. */
import { open } from 'node:fs/promises';

export interface Elf {
  /** Path of the program that loads it; absent for libraries and what is linked statically. */
  readonly interpreter?: string;
  /** Names of libraries. */
  readonly needed: readonly string[];
  /** Directories in which it looks for them first; `$ORIGIN` is where it lies itself. */
  readonly runPath: readonly string[];
}

/** `undefined` for a file that is none. Source: elf(5). */
export async function readElf(path: string): Promise<Elf | undefined> {
  await using file = await open(path);
  const read = async (position: number, length: number): Promise<Buffer> => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  };
  const header = await read(0, 64);
  if (header.length < 64 || header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2 || header[5] !== 1)
    return undefined;
  const entryBytes = header.readUInt16LE(54);
  const table = await read(Number(header.readBigUInt64LE(32)), entryBytes * header.readUInt16LE(56));
  const segments = Array.from({ length: header.readUInt16LE(56) }, (_, index) => {
    const at = index * entryBytes;
    return {
      type: table.readUInt32LE(at),
      offset: Number(table.readBigUInt64LE(at + 8)),
      address: Number(table.readBigUInt64LE(at + 16)),
      bytes: Number(table.readBigUInt64LE(at + 32)),
    };
  });
  const interp = segments.find(({ type }) => type === 3);
  const dynamic = segments.find(({ type }) => type === 2);
  const interpreter = interp && textAt(await read(interp.offset, interp.bytes), 0);
  const entries = dynamic === undefined ? [] : dynamicEntries(await read(dynamic.offset, dynamic.bytes));
  const valueOf = (tag: number): number => entries.find((entry) => entry.tag === tag)?.value ?? 0;
  const address = valueOf(5);
  const holder = segments.find((one) => one.type === 1 && address >= one.address && address < one.address + one.bytes);
  const strings =
    holder === undefined ? Buffer.alloc(0) : await read(address - holder.address + holder.offset, valueOf(10));
  const textsOf = (tag: number): string[] =>
    entries.flatMap((entry) => (entry.tag === tag ? [textAt(strings, entry.value)] : []));
  return {
    ...(interpreter === undefined ? {} : { interpreter }),
    needed: textsOf(1),
    runPath: [...textsOf(15), ...textsOf(29)].flatMap((paths) => paths.split(':')),
  };
}

function dynamicEntries(bytes: Buffer): { readonly tag: number; readonly value: number }[] {
  const entries = Array.from({ length: Math.floor(bytes.length / 16) }, (_, index) => ({
    tag: Number(bytes.readBigInt64LE(index * 16)),
    value: Number(bytes.readBigUInt64LE(index * 16 + 8)),
  }));
  const end = entries.findIndex(({ tag }) => tag === 0);
  return end === -1 ? entries : entries.slice(0, end);
}

function textAt(bytes: Buffer, start: number): string {
  const end = bytes.indexOf(0, start);
  return bytes.toString('latin1', start, end === -1 ? bytes.length : end);
}
