/** Boot entries of UEFI firmware, and the file that firmware starts without one. */
import { basename, dirname } from 'node:path/posix';
import { type EfiBoot, efibootmgrArgv, parseEfibootmgr } from '../layout/boot/efibootmgr.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { nameFromBytes } from '../kernel/text.ts';
import { commandLineOf } from './command-lines.ts';
import { type EntryChanges, entryChanges, isRedacted, mainLoader, wantedEntries } from './efi-wanted.ts';
import { type Esp, espsOf, removableNames } from './esp.ts';
import { layersOf } from './layers.ts';
import type { Deed, FinishCommand } from './scene.ts';
import { programsOn, type Site, type Subject } from './site.ts';

export const efiEntries: Subject = {
  name: 'efi-entries',
  async plan(site, signal) {
    const { scene } = site;
    if (scene.firmware !== 'uefi') return [];
    const [captured, now] = [layersOf(scene.captured.layout), layersOf(scene.layout, scene.root)];
    const esps = espsOf(now);
    // What is put there by a deed before this one is there by then.
    const made = site.earlier.flatMap(({ loaders = [] }) => loaders);
    const files = new Map<string, readonly string[]>();
    for (const { path } of esps) {
      const below = made.flatMap((file) => (file.startsWith(`${path}/`) ? [file.slice(path.length)] : []));
      files.set(path, [...new Set([...(await programsOn(site, path, signal)), ...below])]);
    }
    const wanted = wantedEntries({
      captured: captured.of('boot')[0],
      esps,
      files,
      name: scene.captured.facts.osRelease.id,
      line: commandLineOf(captured, now),
    });
    const [first] = wanted;
    if (first === undefined) throw noLoader(esps);
    for (const entry of wanted.filter(isRedacted)) {
      site.finding({
        subject: `EFI entry ${entry.label}`,
        problem: 'what it gives its loader held a secret, and is not on record',
      });
    }
    const firmware = await entriesNow(site, signal);
    const there = new Set(now.of('partition').map(({ partUuid }) => partUuid?.toLowerCase()));
    const { lost } = scene;
    // What is on a disk that was only pulled out is somebody's, and comes back.
    const gone = captured
      .of('partition')
      .filter(({ id }) => lost === undefined || captured.tree.disksUnder(id).some((disk) => lost.includes(disk)))
      .flatMap(({ partUuid }) => partUuid?.toLowerCase() ?? []);
    const changes = entryChanges(
      wanted.filter((entry) => !isRedacted(entry)),
      firmware ?? { entries: [], order: [] },
      new Set(gone.filter((partUuid) => !there.has(partUuid))),
    );
    const name = removableNames[scene.captured.facts.architecture] ?? 'BOOTX64.EFI';
    const fallback = esps.some(({ path }) => hasRemovable(files.get(path), name));
    const unknown = firmware === undefined || changes.create.length > 0;
    // A firmware that forgets its entries, or another one, finds the system even so.
    const copies = fallback || !unknown ? [] : removable(esps, files, name);
    const deeds = firmware === undefined ? [] : entryDeeds(changes, !fallback && copies.length === 0);
    if (firmware === undefined && !fallback && copies.length === 0) throw noLoader(esps);
    return [...copies, ...deeds];
  },
};

/** `undefined` where the rescue system cannot see the variables of the firmware. */
async function entriesNow({ host, finding }: Site, signal: AbortSignal): Promise<EfiBoot | undefined> {
  try {
    const { stdout } = await host.run(efibootmgrArgv, {}, signal);
    const said = nameFromBytes(stdout);
    return parsed(said);
  } catch (error) {
    const known = asLifeboatError(error);
    if (known.code === 'interrupted') throw known;
    finding({
      subject: 'boot entries of the firmware',
      problem: `they cannot be seen or set from here, so the system is started by the file that firmware tries by itself: ${known.message}`,
    });
    return undefined;
  }
}

/** A firmware may have none at all. */
function parsed(said: string): EfiBoot {
  try {
    return parseEfibootmgr(said);
  } catch {
    return { entries: [], order: [] };
  }
}

function entryDeeds({ create, remove, order }: EntryChanges, needed: boolean): Deed[] {
  const run = (...words: readonly string[]): FinishCommand => ({
    argv: ['efibootmgr', '--quiet', ...words],
    where: 'rescue',
  });
  const deed = { needed: false, files: [], changes: [] };
  return [
    ...remove.map(
      (number): Deed => ({
        ...deed,
        id: `efi-entry remove ${number}`,
        title: `take boot entry ${number} out of the firmware`,
        why: 'another says the same, it is switched off, or its partition is no more',
        commands: [run('--bootnum', number, '--delete-bootnum')],
      }),
    ),
    ...create.map(
      (entry): Deed => ({
        ...deed,
        id: `efi-entry ${entry.number}`,
        title: `tell the firmware of ${entry.label}: ${entry.path} on partition ${entry.leg.partition.number} of ${entry.leg.disk}`,
        why: 'the firmware has no entry for it',
        needed,
        commands: [run(...creation(entry))],
      }),
    ),
    ...(order === undefined
      ? []
      : [
          {
            ...deed,
            id: 'efi-order',
            title: 'have the firmware start the restored system first',
            why: 'its entries are new',
            needed,
            commands: [run('--bootorder', order.join(','))],
          },
        ]),
  ];
}

const creation = ({ label, leg, path, arguments: given, number }: EntryChanges['create'][number]): string[] => [
  '--create-only',
  '--bootnum',
  number,
  '--disk',
  leg.disk,
  '--part',
  `${leg.partition.number}`,
  '--label',
  label,
  '--loader',
  path,
  ...(given === undefined ? [] : ['--unicode', given]),
];

const hasRemovable = (files: readonly string[] | undefined, name: string): boolean =>
  files?.some((file) => file.toLowerCase() === `/efi/boot/${name.toLowerCase()}`) === true;

/** The loader once more, where firmware looks that has no entry; with shim all that it starts. */
function removable(esps: readonly Esp[], files: ReadonlyMap<string, readonly string[]>, name: string): Deed[] {
  return esps.flatMap(({ path }): Deed[] => {
    const known = files.get(path) ?? [];
    const main = mainLoader(known);
    if (main === undefined) return [];
    const isShim = basename(main).toLowerCase().startsWith('shim');
    const beside = known.filter(
      (file) => dirname(file) === dirname(main) && /^(grub|mm)[a-z0-9]*\.efi$/i.test(basename(file)),
    );
    const to = `${path}/EFI/BOOT`;
    return [
      {
        id: `efi-removable ${path}`,
        title: `copy the loader to ${to}/${name}`,
        why: 'firmware that has no entry for it, or forgets it, starts what is there',
        needed: false,
        files: [],
        commands: [
          { argv: ['mkdir', '-p', '--', to], where: 'chroot' },
          { argv: ['cp', '--', `${path}${main}`, `${to}/${name}`], where: 'chroot' },
          ...(isShim ? beside : []).map(
            (file): FinishCommand => ({
              argv: ['cp', '--', `${path}${file}`, `${to}/${basename(file)}`],
              where: 'chroot',
            }),
          ),
          { argv: ['sync', '--', to], where: 'chroot' },
        ],
        changes: [to],
      },
    ];
  });
}

function noLoader(esps: readonly Esp[]): LifeboatError {
  const where =
    esps.length === 0
      ? 'it has no EFI system partition that is mounted'
      : `none is on ${esps.map(({ path }) => path).join(', ')}`;
  return new LifeboatError('not-found', `the restored system has no loader that UEFI could start: ${where}`, {
    hint: 'If it used to start by BIOS, start the rescue medium by BIOS, or plan with --rewrite uefi; else restore the EFI system partition.',
  });
}
