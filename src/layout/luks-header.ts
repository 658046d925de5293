/** Headers of LUKS as they are read from devices and files: by `dd`, so that nothing of them is ever in a file on the host. */
import type { Asker } from '../host/asker.ts';
import { nameToBytes } from '../kernel/text.ts';
import { headBytes, type LuksHeader, parseHead, parseVersion2, secondHeaders } from './tools/luks.ts';

/** The first of version 2, or the second if the first is damaged. */
export async function readHeader(path: string, asker: Asker): Promise<LuksHeader | undefined> {
  const first = await readHeaderAt(path, 0, asker);
  if (first !== 'damaged') return first;
  for (const offset of secondHeaders) {
    const second = await readHeaderAt(path, offset, asker);
    if (second === undefined) return undefined;
    if (second === 'damaged') continue;
    asker.gap({
      subject: path,
      problem: 'the first of its two LUKS headers is damaged; the second was read',
      hint: `cryptsetup repair ${path}`,
    });
    return { ...second, second: true };
  }
  asker.gap({ subject: path, problem: 'its LUKS header is damaged', hint: 'restore it from a copy of the header' });
  return undefined;
}

async function readHeaderAt(path: string, offset: number, asker: Asker): Promise<LuksHeader | 'damaged' | undefined> {
  const head = await askBytes(path, { offset, length: headBytes }, (found) => parseHead(found, offset), asker);
  if (head === undefined || head === 'damaged' || !('lengthBytes' in head)) return head;
  // Whole: its checksum is over both, and somebody may write to it between two questions.
  return await askBytes(path, { offset, length: head.lengthBytes }, parseVersion2, asker);
}

/** @param at in multiples of 4096 */
async function askBytes<T>(
  path: string,
  at: { readonly offset: number; readonly length: number },
  parse: (found: Buffer) => T,
  asker: Asker,
): Promise<T | undefined> {
  return await asker.ask({
    argv: [
      'dd',
      `if=${path}`,
      `bs=${headBytes}`,
      ...(at.offset === 0 ? [] : [`skip=${at.offset / headBytes}`]),
      `count=${at.length / headBytes}`,
      'status=none',
    ],
    parse: (stdout) => parse(nameToBytes(stdout)),
    subject: path,
  });
}
