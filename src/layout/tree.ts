/** A layout as a text tree for a terminal. */
import { gapLines } from '../host/gap.ts';
import { printable } from '../kernel/text.ts';

import { type Component, handlerOf, type Layout } from './types.ts';

/** Disk → partition → filesystem → mount, then what stands on no device, then what was not seen. */
export function layoutTree(layout: Layout): string {
  const shown = layout.components.filter((component) => !isPseudo(component));
  const ids = new Set(shown.map(({ id }) => id));
  const above = new Map<string, Component[]>();
  const roots: Component[] = [];
  for (const component of shown) {
    const under = component.on.filter((id) => ids.has(id));
    if (under.length === 0) roots.push(component);
    for (const id of under) {
      const standing = above.get(id);
      if (standing === undefined) above.set(id, [component]);
      else standing.push(component);
    }
  }
  const lines: string[] = [];
  const seen = new Set<string>();
  const visit = (component: Component, indent: string, prefix: string): void => {
    const again = seen.has(component.id);
    seen.add(component.id);
    const children = above.get(component.id) ?? [];
    lines.push(
      printable(
        `${prefix}${handlerOf(component).title(component)}${again && children.length > 0 ? '  (see above)' : ''}`,
      ),
    );
    if (again) return;
    children.forEach((child, index) => {
      const last = index === children.length - 1;
      visit(child, `${indent}${last ? '   ' : '│  '}`, `${indent}${last ? '└─ ' : '├─ '}`);
    });
  };
  for (const root of roots) visit(root, '', '');
  const pseudo = layout.components.filter(isPseudo);
  if (pseudo.length > 0) {
    const types = [...new Set(pseudo.map((component) => (component.kind === 'mount' ? component.fstype : '')))].sort();
    lines.push(printable(`${pseudo.length} mounts of the kernel's own: ${types.join(', ')}`));
  }
  return [...lines, ...gapLines(layout.gaps)].map((line) => `${line}\n`).join('');
}

function isPseudo(component: Component): boolean {
  return component.kind === 'mount' && component.category === 'pseudo';
}
