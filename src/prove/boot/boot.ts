/** Whether a recovered system will start: from what firmware reads first to what its first program opens and mounts. */
import type { Scene } from '../scene.ts';
import { together, type Verdict } from '../verdict.ts';
import { biosLoaders } from './bios.ts';
import { entryProblems, type Startable } from './entry.ts';
import { type Menu, menusOf } from './menus.ts';
import { configured } from './settings.ts';
import { uefiLoaders } from './uefi.ts';
import { unifiedImages } from './uki.ts';

/** @param disks which disk has taken the place of which, by their ids; empty where each is itself */
export function proveBoot(scene: Scene, disks: ReadonlyMap<string, string>): Verdict {
  const { menus: started, verdict: loaders } =
    scene.firmware === 'uefi' ? uefiLoaders(scene) : biosLoaders(scene, disks);
  const all = menusOf(scene);
  const menus = started.size === 0 ? all : all.filter(({ loader }) => started.has(loader));
  return together([
    loaders,
    ...[...started].map((one) => noMenu(one, all, scene)),
    ...menus.map((menu) => judged(menu, scene)),
    firstProgram(scene),
    opened(scene),
    configured(scene),
  ]);
}

const menuNames: Readonly<Record<Menu['loader'], string>> = {
  grub: 'GRUB',
  entries: 'systemd-boot',
  extlinux: 'extlinux',
};

function noMenu(loader: Menu['loader'], menus: readonly Menu[], scene: Scene): Verdict {
  if (menus.some((one) => one.loader === loader)) return { findings: [], notes: [] };
  // Images that are programs themselves need no entry; which of several is started first is the loader's affair.
  const images = loader === 'entries' ? unifiedImages(scene) : [];
  if (images.length > 0) {
    const path = 'EFI/Linux';
    return judged(
      { path, loader, entries: images, first: images.length === 1 ? images[0] : undefined, problems: [] },
      scene,
    );
  }
  const problem = 'there is no entry for it to start: its configuration is not there';
  return { findings: [{ subject: menuNames[loader], problem }], notes: [] };
}

/** What is started by itself has to be right; of the others it is told. */
function judged({ path, entries, first, problems }: Menu, scene: Scene): Verdict {
  const found = entries.map((entry) => ({ entry, problems: entryProblems(entry, scene) }));
  const isFirst = (entry: Startable) => first === undefined || entry === first;
  const texts = (wanted: boolean) =>
    found.flatMap(({ entry, problems: own }) =>
      isFirst(entry) === wanted ? own.map((problem) => ({ subject: `${path}: ${entry.name}`, problem })) : [],
    );
  const bad = texts(true);
  return {
    findings: [...problems.map((problem) => ({ subject: path, problem })), ...bad],
    notes: [
      ...(bad.length === 0 && first !== undefined
        ? [`${path}: ${first.name} starts ${first.linux?.path ?? 'what it should'}`]
        : []),
      ...texts(false).map(({ subject, problem }) => `${subject}: ${problem}`),
    ],
  };
}

function firstProgram({ inside }: Scene): Verdict {
  const places = ['/sbin/init', '/etc/init', '/bin/init', '/bin/sh'];
  const init = places.map((path) => inside.stat(path)).find((one) => one !== undefined);
  const isRight = init?.isFile() === true && (init.mode & 0o111) !== 0;
  return {
    findings: isRight ? [] : [{ subject: '/sbin/init', problem: 'there is no first program for the kernel to start' }],
    notes: [],
  };
}

/** Each line of crypttab: its volume, and the file of its key. */
function opened(scene: Scene): Verdict {
  const verdict: Verdict = { findings: [], notes: [] };
  for (const { name, spec, key, options } of scene.crypttab) {
    const has = (...names: string[]) => options.some(([option]) => names.includes(option));
    const subject = `crypttab: ${name}`;
    const file = key.startsWith('/') && !key.startsWith('/dev/') && !has('keyscript') ? key.split(':')[0] : undefined;
    const isDevice =
      scene.devices.meant(spec).length > 0 ||
      (!spec.startsWith('/dev/') && spec.startsWith('/') && scene.inside.stat(spec) !== undefined);
    const problem = isDevice
      ? file !== undefined && scene.inside.stat(file) === undefined
        ? `the file of its key, ${file}, is not there`
        : undefined
      : `it names ${spec}, and there is no such device`;
    if (problem === undefined) verdict.notes.push(`${subject} opens ${spec}`);
    else if (has('noauto', 'nofail') || (!isDevice && scene.before.meant(spec).length === 0))
      verdict.notes.push(`${subject}: ${problem}`);
    else verdict.findings.push({ subject, problem });
  }
  return verdict;
}
