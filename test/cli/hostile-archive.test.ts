/** Archives that were made to lead a restore out of its directory. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/engine/entry.ts';
import { ManifestWriter } from '../../src/engine/tar/manifest.ts';
import { ArchiveReader } from '../../src/engine/tar/reader.ts';
import { backedUp, copiesOf, listing, pointsOf, type Sandbox, sandbox } from '../helpers/cli.ts';
import { editRecord } from '../helpers/records.ts';

const stored = copiesOf(async () => await backedUp(await sandbox()));

describe.concurrent('an archive made to leave the directory is not restored', () => {
  /** Python's calls that fill the archive `a`; `outside` is a directory beside the one restored to. */
  test.for([
    ['by ..', 'add("../../outside/evil")'],
    ['by an absolute name', 'add(outside + "/evil")'],
    ['by a hard link', 'add("h", t.LNKTYPE, "../../outside/kept"); add("h")'],
  ] as const)('%s', async ([, calls]) => {
    await using box = await stored();
    const [id = ''] = pointsOf(box).listed;
    const outside = outsideOf(box);
    await replaceData(box, id, hostileArchive(calls, outside));
    const before = listing(outside);
    const to = join(box.base, 'to');
    const { code, json } = await box.ask('restore', id, '--to', to);
    expect({ code, error: json.error }).toMatchObject({ code: 1, error: { code: 'archive-unsafe' } });
    expect(listing(outside)).toEqual(before);
    expect(existsSync(to)).toBe(false);
  });

  test('what it has below a symlink of its own is left out, and told', async () => {
    await using box = await stored();
    const [id = ''] = pointsOf(box).listed;
    const outside = outsideOf(box);
    await replaceData(box, id, hostileArchive('add("l", t.SYMTYPE, outside); add("l/evil"); add("good")', outside));
    const before = listing(outside);
    const to = join(box.base, 'to');
    const { code, json } = await box.ask('restore', id, '--to', to);
    expect(code).toBe(4);
    expect(json.run?.findings).toContainEqual(expect.objectContaining({ subject: '/l' }));
    expect(listing(outside)).toEqual(before);
    expect(readdirSync(to).sort()).toEqual(['good', 'l']);
  });

  function outsideOf(box: Sandbox): string {
    const outside = join(box.base, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'kept'), 'kept');
    return outside;
  }

  function hostileArchive(calls: string, outside: string): Buffer {
    const python = `import tarfile as t, sys, io
outside = sys.argv[1]
a = t.open(fileobj=sys.stdout.buffer, mode='w|', format=t.PAX_FORMAT)
def add(name, type=t.REGTYPE, link=''):
  i = t.TarInfo(name); i.type = type; i.linkname = link; i.size = 4 if type == t.REGTYPE else 0
  a.addfile(i, io.BytesIO(b'evil'))
${calls}
a.close()`;
    return execFileSync('python3', ['-c', python, outside]);
  }

  /** Puts another archive in the place of a point's, with a manifest and a record that agree with it. */
  async function replaceData(box: Sandbox, id: string, archive: Buffer): Promise<void> {
    const entries: Entry[] = [];
    const reader = new ArchiveReader({ end: (entry) => entries.push(entry) });
    await reader.push(archive);
    const put = (key: string, bytes: Buffer) => {
      writeFileSync(join(box.repository, key), bytes);
      return { key, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    };
    const stored = put(`tar/box/${id}.tar.zst`, zstdCompressSync(archive));
    const writer = new ManifestWriter({});
    for (const entry of entries) writer.add(entry);
    const counts = { entries: entries.length, bytes: entries.reduce((sum, { size }) => sum + size, 0) };
    const manifest = put(`tar/box/${id}.manifest.zst`, await writer.finish({ ...counts, archive: stored }));
    editRecord(box, id, (json) => {
      const point = JSON.parse(json);
      const data = { ...counts, stored: { format: 'lifeboat.tar/1', archive: stored, manifest, ...counts } };
      return JSON.stringify({ ...point, data: { ...point.data, ...data } });
    });
  }
});
