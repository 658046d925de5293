/**
 * Passes over the memory of a container that runs on meanwhile, so that less is left to be written while it stands still. Each writes what was written to since the
 * one before, into a directory of its own beside the images.
 */
import { join } from 'node:path/posix';
import type { Host } from '../../host/host.ts';

export interface Pass {
  readonly images: string;
  /** Of the pass before, as seen from these images; absent of the first. */
  readonly parent?: string;
}

const nameOf = (number: number): string => `pre-${number}`;

/** @param count how many come before the images themselves, which are the last. @param tree of the checkpoint */
export function passesIn(tree: string, count: number): { readonly before: readonly Pass[]; readonly last: Pass } {
  const names = [...Array(count).keys()].map((index) => nameOf(index + 1));
  const passes = [...names, 'checkpoint'].map((name, index): Pass => {
    const parent = names[index - 1];
    return { images: join(tree, name), ...(parent === undefined ? {} : { parent: join('..', parent) }) };
  });
  return { before: passes.slice(0, -1), last: passes.at(-1) ?? { images: join(tree, 'checkpoint') } };
}

/** Links that CRIU makes from images to those of the pass before: the archive has none, for they go by the names. */
export const parentLinks = ['./checkpoint/parent', './pre-*/parent'] as const;

/** Makes them again in a tree that came out of an archive. */
export async function linkPasses(host: Host, tree: string, signal: AbortSignal): Promise<void> {
  let count = 0;
  while ((await host.run(['test', '-d', join(tree, nameOf(count + 1))], { okCodes: [0, 1] }, signal)).code === 0) {
    count += 1;
  }
  const { before, last } = passesIn(tree, count);
  for (const { images, parent } of [...before, last]) {
    if (parent !== undefined) await host.run(['ln', '-sfn', '--', parent, join(images, 'parent')], {}, signal);
  }
}
