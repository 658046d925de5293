/** The medium that a drill starts from: one that somebody names, or one of its own, made anew when it does not fit any more. */
import { hash } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { DrillRequest } from '../drill/drill.ts';
import { digestOfFile } from '../drill/medium.ts';
import type { Captured } from '../drill/machine.ts';
import { checkTrusted } from '../host/trusted.ts';
import { makeDirectory, writeFileAtomic } from '../kernel/atomic-write.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { readIfThere } from '../kernel/read-if-there.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import { formatNamed } from '../media/formats/formats.ts';
import { knownMedia } from '../media/known.ts';
import { makeRescue } from '../media/rescue.ts';
import { asJson, digestOf } from '../plan/digest.ts';
import type { Session } from './session.ts';
import { programFolder, version } from './version.ts';

type DrillMedium = DrillRequest['medium'];

const keptSchema = z.object({ id: z.string(), digest: z.string(), sha256: z.string(), kernel: z.string() });

/** @throws LifeboatError as making a medium does; `not-found`, `usage`, `untrusted` for one that is named */
export async function drillMedium(
  named: string | undefined,
  captured: Captured,
  session: Session,
  say: (text: string) => void,
): Promise<DrillMedium> {
  const { stateDir } = session.context;
  if (named !== undefined) return await namedMedium(resolve(named), stateDir, session.signal);
  const directory = join(stateDir, 'drills/media');
  const name = await digestOfAll(captured, stateDir);
  const file = join(directory, `${name}.iso`);
  const kept = await readIfThere(join(directory, `${name}.json`));
  const known = kept === undefined ? undefined : keptSchema.safeParse(JSON.parse(kept.toString())).data;
  if (known !== undefined && (await isStill(file, known.sha256, session.signal))) return { file, ...known };
  say('a rescue medium is made for drills of this host');
  await rm(directory, { recursive: true, force: true });
  await makeDirectory(directory, 0o700);
  const built = await makeMedium(captured, `${file}.new`, session, say);
  const made = { ...built, sha256: await digestOfFile(`${file}.new`, session.signal) };
  await rename(`${file}.new`, file);
  await writeFileAtomic(join(directory, `${name}.json`), JSON.stringify(made));
  return { file, ...made };
}

/** Of what is kept for long, a disk may lose some, and somebody may have removed it. */
async function isStill(file: string, sha256: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await digestOfFile(file, signal)) === sha256;
  } catch (error) {
    throwIfAborted(signal);
    if (asLifeboatError(error).code === 'not-found') return false;
    throw error;
  }
}

async function namedMedium(file: string, stateDir: string, signal: AbortSignal): Promise<DrillMedium> {
  const known = (await knownMedia(stateDir)).find(({ output, as }) => output === file && as === 'iso');
  if (known === undefined) {
    throw new LifeboatError('usage', `${file} is no ISO image that was made on this host`, {
      hint: 'Make one with "lifeboat rescue build --format iso --output FILE", or leave --medium out.',
    });
  }
  await checkTrusted(file);
  const { medium, digest } = known;
  return { file, id: medium.id, digest, sha256: await digestOfFile(file, signal), kernel: medium.kernel.version };
}

/** Nothing of the configuration goes onto it: all that opens something comes later, and into memory. */
async function makeMedium(
  { layout, network, facts }: Captured,
  output: string,
  { host, signal, context }: Session,
  say: (text: string) => void,
): Promise<Omit<z.output<typeof keptSchema>, 'sha256'>> {
  const { stateDir } = context;
  const captures = Object.entries({ layout, network, facts });
  const { medium, digest } = await makeRescue(
    host,
    {
      to: { kind: 'path', path: output, format: formatNamed('iso') },
      options: {},
      files: captures.map(([name, document]) => ({
        path: `/etc/lifeboat/captured/${name}.json`,
        content: `${JSON.stringify(document)}\n`,
      })),
      secrets: [],
      keepHostKeys: false,
      program: programFolder(),
      version: version(),
      host: facts.hostname,
      allModules: false,
      allFirmware: false,
      of: {},
      // An emulated kernel that is given no time to run in panics for want of its timer.
      words: ['no_timer_check'],
      cache: join(stateDir, 'rescue/cache'),
      lock: join(stateDir, 'rescue/packages.lock'),
      stateDir,
      node: process.execPath,
      say,
    },
    new Date(),
    signal,
  );
  return { id: medium.id, digest, kernel: medium.kernel.version };
}

/** What programs leave in these folders when they run. */
const written = /\/\.compile-cache\/|\/rescue\/cache\/|\.tsbuildinfo$/;

/** Of what it is made from: the program as it is, its lists, the captures, the kernel. */
async function digestOfAll({ layout, network }: Captured, stateDir: string): Promise<string> {
  const folders = ['dist', 'rescue', 'native/build'];
  const lists = folders.map(async (name) => {
    const folder = join(programFolder(), name);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => !written.test(file));
    return await Promise.all(files.sort().map(async (file) => [file, await sizeAndTime(file)]));
  });
  const described = {
    version: version(),
    node: process.version,
    kernel: release(),
    program: await Promise.all(lists),
    lock: await Promise.all([join(programFolder(), 'rescue'), join(stateDir, 'rescue')].map(lockIn)),
    layout: digestOf(asJson({ ...layout, capturedAt: null })),
    network: digestOf(asJson({ ...network, capturedAt: null })),
  };
  return hash('sha256', JSON.stringify(described)).slice(0, 16);
}

async function lockIn(folder: string): Promise<string | undefined> {
  const content = await readIfThere(join(folder, 'packages.lock'));
  return content === undefined ? undefined : hash('sha256', content);
}

async function sizeAndTime(file: string): Promise<readonly number[]> {
  const { size, mtimeMs } = await stat(file);
  return [size, mtimeMs];
}
