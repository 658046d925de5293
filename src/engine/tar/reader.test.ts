import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Entry } from '../entry.ts';
import { nanoseconds, parsePax } from './header.ts';
import { ArchiveReader } from './reader.ts';

/** Made by Python, so that the archive is nobody's whom the reader could agree with by chance. */
function archive(format: string): Buffer {
  const script = `import tarfile as t,io,sys
a=t.open(fileobj=sys.stdout.buffer, mode='w|', format=t.${format}_FORMAT, errors='surrogateescape')
def add(name, data=b'', type=t.REGTYPE, link='', **more):
  i=t.TarInfo(name); i.type=type; i.linkname=link; i.size=len(data); i.mode=0o4711
  for k,v in more.items(): setattr(i,k,v)
  a.addfile(i, io.BytesIO(data))
add('dir', type=t.DIRTYPE); add('dir/'+'n'*150+'/'+'m'*120, b'x'*1000, uid=5000000, mtime=-5)
add('s', type=t.SYMTYPE, link='l'*300); add('e'); add('h', type=t.LNKTYPE, link='dir/'+'n'*150+'/'+'m'*120)
add('c', type=t.CHRTYPE, devmajor=4, devminor=5); a.close()`;
  return execFileSync('python3', ['-c', script]);
}

async function read(bytes: Buffer, cuts: readonly number[] = []): Promise<Entry[]> {
  const entries: Entry[] = [];
  const raw: Buffer[] = [];
  const reader = new ArchiveReader({
    end: (entry) => entries.push(entry),
    raw: (piece) => raw.push(Buffer.from(piece)),
  });
  const edges = [0, ...[...cuts].map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
  let before: { readonly chunk: Buffer; readonly read: Promise<void> } | undefined;
  for (const [index, start] of edges.entries()) {
    const chunk = Buffer.from(bytes.subarray(start, edges[index + 1] ?? start));
    const read = reader.push(chunk);
    read.catch(() => undefined);
    await before?.read;
    // Its owner uses it again.
    before?.chunk.fill(0);
    before = { chunk, read };
  }
  await before?.read;
  reader.finish();
  const all = Buffer.concat(raw);
  expect(all.equals(bytes.subarray(0, all.length))).toBe(true);
  return entries;
}

const long = `dir/${'n'.repeat(150)}/${'m'.repeat(120)}`;

test.each(['PAX', 'GNU'])('an archive of the format %s, wherever its chunks end', async (format) => {
  const bytes = archive(format);
  const entries = await read(bytes);
  expect(entries.map(({ path, type, link }) => [path, type, link])).toEqual([
    ['dir', 'directory', undefined],
    [long, 'file', undefined],
    ['s', 'symlink', 'l'.repeat(300)],
    ['e', 'file', undefined],
    ['h', 'hardlink', long],
    ['c', 'char', undefined],
  ]);
  const sha256 = createHash('sha256').update('x'.repeat(1000)).digest('hex');
  expect(entries[1]).toMatchObject({ sha256, size: 1000, uid: 5000000, mtimeNs: '-5000000000', mode: 0o4711 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(), { maxLength: 40 }), async (cuts) => {
      expect(await read(bytes, cuts)).toEqual(entries);
    }),
  );
});

test('an archive that is cut off anywhere is damaged', async () => {
  const bytes = archive('PAX');
  const end = bytes.length - 1024;
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: bytes.length }), async (length) => {
      const last = bytes.subarray(0, bytes.length).findLastIndex((byte) => byte !== 0);
      if (length >= Math.min(end, Math.ceil((last + 1) / 512) * 512 + 1024)) return;
      await expect(read(bytes.subarray(0, length))).rejects.toThrow(/damaged/);
    }),
  );
});

test('values of extended headers are bytes of any kind', () => {
  const value = Buffer.from('\n12 a=b\n\0\xff', 'latin1');
  const record = Buffer.concat([Buffer.from('19 k='), value, Buffer.from('\n')]);
  expect(record.length).toBe(16);
  const right = Buffer.concat([Buffer.from('16 k='), value, Buffer.from('\n')]);
  expect(parsePax(right).get('k')).toEqual(value);
  expect(() => parsePax(record)).toThrow(/cannot be read/);
});

test.each([
  ['1', '1000000000'],
  ['0', '0'],
  ['-0.5', '-500000000'],
  ['1795209207.290942116', '1795209207290942116'],
  ['0.000000001', '1'],
])('time %s', (text, ns) => expect(nanoseconds(text)).toBe(ns));
