/** The media that were made on this host: what they were made of, by which one can tell whether they still fit it, and whether they were seen to start. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import { hasErrno } from '../kernel/errors.ts';
import { mediumSchema } from './medium.ts';

/** More are of no use: media are compared with the host by the newest. */
const keptMedia = 10;

const bootSchema = z.object({
  at: z.iso.datetime(),
  firmware: z.enum(['bios', 'uefi', 'secure']),
  passed: z.boolean(),
});

export const knownSchema = z.object({
  format: z.literal('lifeboat.known-medium/1'),
  medium: mediumSchema,
  /** Of all that it consists of. */
  digest: z.string(),
  as: z.string(),
  /** Where it was written; it may be elsewhere by now. */
  output: z.string(),
  /** Whether it starts the kernel that ran on the host, or another that was asked for or had to be taken. */
  ownKernel: z.boolean(),
  boots: z.array(bootSchema),
});

export type KnownMedium = z.output<typeof knownSchema>;
export type KnownBoot = z.output<typeof bootSchema>;

/** In this directory lies what is kept of one, with whatever else is put beside it. */
export const folderOfMedium = (stateDir: string, id: string): string => join(stateDir, 'rescue/media', id);

/** @param captures what was captured of the host, by name */
export async function rememberMedium(
  stateDir: string,
  known: KnownMedium,
  captures: Readonly<Record<string, object>>,
): Promise<void> {
  const folder = folderOfMedium(stateDir, known.medium.id);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const [name, document] of Object.entries(captures)) {
    await writeFileAtomic(join(folder, `${name}.json`), `${JSON.stringify(document)}\n`);
  }
  await writeKnown(stateDir, known);
  const others = (await knownMedia(stateDir)).slice(keptMedia);
  for (const { medium } of others) await rm(folderOfMedium(stateDir, medium.id), { recursive: true });
}

export async function rememberBoot(stateDir: string, known: KnownMedium, boot: KnownBoot): Promise<void> {
  await writeKnown(stateDir, { ...known, boots: [...known.boots, boot] });
}

async function writeKnown(stateDir: string, known: KnownMedium): Promise<void> {
  const file = join(folderOfMedium(stateDir, known.medium.id), 'known.json');
  await writeFileAtomic(file, `${JSON.stringify(known, null, 1)}\n`);
}

/** The newest first. What cannot be read is passed over: it says nothing about the host. */
export async function knownMedia(stateDir: string): Promise<readonly KnownMedium[]> {
  const ids = await readdir(join(stateDir, 'rescue/media')).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  });
  const found = await Promise.all(ids.map(async (id) => await readKnown(stateDir, id)));
  return found.filter((one) => one !== undefined).sort((a, b) => (a.medium.made < b.medium.made ? 1 : -1));
}

async function readKnown(stateDir: string, id: string): Promise<KnownMedium | undefined> {
  const text = await readFile(join(folderOfMedium(stateDir, id), 'known.json'), 'utf8').catch(() => '');
  try {
    return knownSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
