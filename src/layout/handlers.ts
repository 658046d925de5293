/** The one list of layout handlers: a kind without its handler does not compile. */
import type { LayoutHandler } from './handler.ts';
import { disk } from './handlers/disk.ts';
import { filesystem } from './handlers/filesystem.ts';
import { mount } from './handlers/mount.ts';
import { partition } from './handlers/partition.ts';
import { swap } from './handlers/swap.ts';
import { unknown } from './handlers/unknown.ts';
import type { Component, Kind } from './types.ts';

export const handlers: { readonly [K in Kind]: LayoutHandler<K> } = {
  disk,
  partition,
  filesystem,
  swap,
  mount,
  unknown,
};

/** One line about a component. */
export function titleOf(component: Component): string {
  switch (component.kind) {
    case 'disk':
      return handlers.disk.title(component);
    case 'partition':
      return handlers.partition.title(component);
    case 'filesystem':
      return handlers.filesystem.title(component);
    case 'swap':
      return handlers.swap.title(component);
    case 'mount':
      return handlers.mount.title(component);
    case 'unknown':
      return handlers.unknown.title(component);
  }
}
