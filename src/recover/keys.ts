/**
 * What a plan needs to open the encrypted volumes that it makes: their headers, as they are kept with the point, and the keys that the machine
 * itself opened them with, out of the files of the point. All of it lies in memory only.
 */
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine, PointJob } from '../engine/engine.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import type { SecretSource } from '../kernel/secret.ts';
import { printable } from '../kernel/text.ts';
import type { Plan } from '../layout/rebuild/document.ts';
import { markedDisk } from '../layout/rebuild/mark.ts';
import type { Layout } from '../layout/types.ts';
import { givenNames } from '../plan/preflight.ts';
import { headerImage, volumeKey } from '../point/escrow.ts';
import type { Point } from '../point/point.ts';
import type { Repository } from '../point/record-objects.ts';

export interface KeySources {
  readonly repository: Repository & { readonly engine: Engine };
  readonly point: Point;
  /** In memory, for root alone. */
  readonly directory: string;
  /** With the passphrases that somebody gave, by {@link passphraseName}. */
  readonly secrets: SecretSource;
}

/** Paths of files, by volume. */
export interface KeyFiles {
  readonly headers: Readonly<Record<string, string>>;
  readonly keys: Readonly<Record<string, string>>;
}

interface Wanted {
  readonly what: 'header' | 'key' | 'volume-key';
  readonly volume: string;
}

/**
 * With the volumes that a key kept with the point opens, where crypttab names no file for them.
 *
 * @param lost volumes whose file is not in the point
 */
export function openedByEscrow(layout: Layout, { escrow }: Point, lost: ReadonlySet<string> = new Set()): Layout {
  const kept = new Set(escrow?.volumeKeys);
  const components = layout.components.map((component): Layout['components'][number] => {
    if (component.kind !== 'luks' || component.uuid === undefined || !kept.has(component.uuid)) return component;
    const hasFile = component.crypttab?.key.startsWith('/') === true && !lost.has(component.uuid);
    return hasFile ? component : { ...component, opener: 'volume-key' };
  });
  return { ...layout, components };
}

/**
 * Does what needs keys; and again, where the key file of a volume is not in the point, with the volume's own key, where that is kept.
 *
 * @param work takes the volumes whose file is lost, for {@link openedByEscrow}
 * @throws LifeboatError `no-key` as {@link keyFiles}, where nothing else opens it
 */
export async function withEscrow<T>(
  { escrow }: Pick<Point, 'escrow'>,
  work: (lost: ReadonlySet<string>) => Promise<T>,
): Promise<T> {
  for (let lost: ReadonlySet<string> = new Set(); ; ) {
    try {
      return await work(lost);
    } catch (error) {
      const volume = wantedPassphrase(asLifeboatError(error)) ?? '';
      if (escrow?.volumeKeys?.includes(volume) !== true || lost.has(volume)) throw error;
      lost = new Set([...lost, volume]);
    }
  }
}

/** What carrying a plan out has to be given. */
export const namesFor = ({ actions }: Pick<Plan, 'actions'>): readonly string[] =>
  givenNames(actions).filter((name) => markedDisk(name) === undefined);

/**
 * @param names as {@link namesFor} has them
 * @param layout with the volumes, and their lines in crypttab
 * @throws LifeboatError `not-found`, `no-key` for a volume of which there is no header or nothing that opens it; nothing is left then
 */
export async function keyFiles(
  names: readonly string[],
  layout: Layout,
  sources: KeySources,
  signal: AbortSignal,
): Promise<KeyFiles> {
  const wanted = names.map(wantedOf);
  const [headers, keys]: [Record<string, string>, Record<string, string>] = [{}, {}];
  if (wanted.length === 0) return { headers, keys };
  const { directory, repository, point } = sources;
  await forgetKeys(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await using owed = new AsyncDisposableStack();
  owed.defer(async () => await forgetKeys(directory));
  const named = new Map(
    wanted.flatMap(({ what, volume }) => (what === 'key' ? [[volume, lineOf(volume, layout)]] : [])),
  );
  const files = [...named.values()].flatMap((line) => (line?.file === undefined ? [] : [line.file]));
  const restored = await outOfPoint([...new Set(files)], sources, signal);
  for (const { what, volume } of wanted) {
    const file = join(directory, `${volume.replaceAll(/[^\w.-]/g, '_')}.${what}`);
    if (what === 'header') {
      await writeFile(file, (await headerImage(repository, point, volume, signal)).bytes, { mode: 0o600 });
      headers[volume] = file;
      continue;
    }
    if (what === 'volume-key') {
      await writeFile(file, await volumeKey(repository, point, volume, signal), { mode: 0o600 });
      keys[volume] = file;
      continue;
    }
    const line = named.get(volume);
    const bytes = (await part(restored, line)) ?? given(volume, line, sources);
    await writeFile(file, bytes, { mode: 0o600 });
    keys[volume] = file;
  }
  await rm(restored, { recursive: true, force: true });
  owed.move();
  return { headers, keys };
}

function wantedOf(name: string): Wanted {
  const [, what, volume = ''] = /^\w+-(header|key|volume-key):(.*)$/.exec(name) ?? [];
  return { what: what === 'header' || what === 'volume-key' ? what : 'key', volume };
}

interface Line {
  /** Absolute, in the recovered system. */
  readonly file?: string;
  readonly offset: number;
  readonly size?: number;
}

/** What crypttab says of the key of a volume. */
function lineOf(volume: string, { components }: Layout): Line | undefined {
  const one = components.find((component) =>
    component.kind === 'luks'
      ? component.uuid === volume
      : (component.kind === 'crypt' || component.kind === 'integrity') && component.name === volume,
  );
  const line = one !== undefined && 'crypttab' in one ? one.crypttab : undefined;
  if (line === undefined) return undefined;
  const option = (name: string): number | undefined => {
    const value = line.options.split(',').find((word) => word.startsWith(`${name}=`));
    const number = Number(value?.slice(name.length + 1));
    return Number.isSafeInteger(number) ? number : undefined;
  };
  const size = option('keyfile-size');
  return {
    offset: option('keyfile-offset') ?? 0,
    ...(line.key.startsWith('/') && !line.key.startsWith('/dev/') ? { file: line.key } : {}),
    ...(size === undefined ? {} : { size }),
  };
}

/** @returns where they lie, below that directory by their paths */
async function outOfPoint(paths: readonly string[], sources: KeySources, signal: AbortSignal): Promise<string> {
  const { repository, point, directory } = sources;
  const to = join(directory, 'files');
  await mkdir(to, { mode: 0o700 });
  if (paths.length === 0) return to;
  const job: PointJob = {
    target: repository.target,
    hostName: point.host.name,
    pointId: point.id,
    sealing: repository.keys,
  };
  const chosen = new Set(paths.map((path) => path.slice(1)));
  // What is not in the point is no error here: who is asked for a passphrase may know one.
  const only = (path: string): boolean => chosen.has(path);
  await repository.engine.restore(
    { ...job, stored: point.data.stored, paths: [], only, directory: to, onProgress: () => {} },
    signal,
  );
  return to;
}

async function part(restored: string, line: Line | undefined): Promise<Buffer | undefined> {
  if (line?.file === undefined) return undefined;
  try {
    if (line.size === undefined) return (await readFile(join(restored, line.file))).subarray(line.offset);
    await using file = await open(join(restored, line.file));
    const bytes = Buffer.alloc(line.size);
    const { bytesRead } = await file.read(bytes, 0, line.size, line.offset);
    return bytes.subarray(0, bytesRead);
  } catch {
    return undefined;
  }
}

function given(volume: string, line: Line | undefined, { secrets, point }: KeySources): Buffer {
  const secret = secrets.get(passphraseName(volume));
  if (secret !== undefined) return Buffer.from(secret.reveal());
  const why =
    line?.file === undefined
      ? 'crypttab names no key file for it'
      : `its key file ${printable(line.file)} is not in the point ${point.id}`;
  throw new LifeboatError('no-key', `nothing opens the encrypted volume ${printable(volume)}: ${why}`, {
    hint: `Nothing was touched. Give its passphrase at the terminal, or as the secret ${passphraseName(volume)}.`,
  });
}

/** The name under which a source of secrets has the passphrase of a volume. */
const passphraseName = (volume: string): string => `luks-${volume.toLowerCase()}`;

/** Forgets them, once the volumes are open. */
export async function forgetKeys(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}

/** The volume whose passphrase would mend this failure. */
export function wantedPassphrase({ code, hint = '' }: LifeboatError): string | undefined {
  return code === 'no-key' ? / as the secret luks-(\S+)\.$/.exec(hint)?.[1] : undefined;
}
