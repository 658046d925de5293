/** A made system after somebody broke something of it, as the proofs of booting and mounting see it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { localHost } from '../../src/host/local.ts';
import type { Layout } from '../../src/layout/types.ts';
import { proveBoot } from '../../src/prove/boot/boot.ts';
import { proveMounts } from '../../src/prove/mounts.ts';
import { type SceneRequest, sceneOf } from '../../src/prove/scene.ts';
import type { Verdict } from '../../src/prove/verdict.ts';
import { type MadeSystem, writeSystem } from './made-system.ts';
import { temporaryDirectory } from './temporary.ts';

const { signal } = new AbortController();

/** Of nothing that is there. */
export const otherUuid = '99999999-9999-9999-9999-999999999999';

export interface Break {
  /** What somebody does to the recovered system. */
  readonly files?: (root: string) => void;
  /** Other machines than those that the system is of. */
  readonly now?: (layout: Layout) => Layout;
  readonly request?: Partial<SceneRequest>;
  readonly disks?: ReadonlyMap<string, string>;
}

export async function proven(
  system: MadeSystem,
  { files, now, request, disks }: Break = {},
): Promise<{ boot: Verdict; mounts: Verdict }> {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  writeSystem(root, system);
  files?.(root);
  const here = system.layout(root);
  const captured = system.layout('/');
  const firmware = captured.components.some((one) => one.kind === 'loader' && one.type === 'grub-pc') ? 'bios' : 'uefi';
  const scene = await sceneOf(
    { root, layout: now?.(here) ?? here, captured, firmware, ...request },
    localHost(),
    signal,
  );
  return { boot: proveBoot(scene, disks ?? new Map()), mounts: proveMounts(scene) };
}

export const edited = (path: string, from: string | RegExp, to: string) => (root: string) => {
  const file = join(root, path);
  const text = readFileSync(file, 'utf8');
  const changed = text.replaceAll(new RegExp(from, 'g'), to);
  if (changed === text) throw new Error(`nothing to edit in ${path}`);
  writeFileSync(file, changed);
};
/** Without what is of this kind. */
export const without =
  (kind: string, is: (one: Layout['components'][number]) => boolean = () => true) =>
  (layout: Layout): Layout => ({
    ...layout,
    components: layout.components.filter((one) => one.kind !== kind || !is(one)),
  });

export const textsOf = ({ findings }: Verdict): readonly string[] =>
  findings.map(({ subject, problem }) => `${subject}: ${problem}`);
