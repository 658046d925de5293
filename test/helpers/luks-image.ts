/** The beginning of a device with LUKS, as a machine of the lab had it; where its slots are there is nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { recordingSchema } from '../../src/host/recorded.ts';
import { nameToBytes } from '../../src/kernel/text.ts';
import { layoutSchema } from '../../src/layout/types.ts';

const MiB = 1024 * 1024;
const blocks = { luks1: 1, luks2: 4 };

export function luksImage(stack: keyof typeof blocks): Buffer {
  const path = join(import.meta.dirname, `../fixtures/lab/${stack}.debian12.json`);
  const { commands } = recordingSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  const found = commands.find(
    ({ argv, stdout }) => argv[0] === 'dd' && argv.includes(`count=${blocks[stack]}`) && stdout.startsWith('LUKS'),
  );
  const image = Buffer.alloc(2 * MiB);
  nameToBytes(found?.stdout ?? '').copy(image);
  return image;
}

/** A layout of closed volumes whose headers are in these files. */
export function luksLayout(files: Readonly<Record<string, Buffer>>) {
  return layoutSchema.parse({
    format: 'lifeboat.layout/1',
    capturedAt: '2026-11-20T02:00:00.000Z',
    gaps: [],
    components: Object.entries(files).map(([file, bytes]) => {
      const uuid = bytes.toString('latin1', 168, 204);
      return { kind: 'luks', id: `luks:${uuid}`, uuid, on: [], sizeBytes: 1, open: false, header: { file } };
    }),
  });
}
