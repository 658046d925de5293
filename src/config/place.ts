/** Where in a YAML file a value stands, so that a problem names the line that somebody has to change. */
import { type Document, isMap, isScalar, isSeq, type LineCounter, type Node } from 'yaml';

export type KeyPath = readonly PropertyKey[];

/** A scalar of the file with the keys that lead to it. */
export interface PlacedScalar {
  readonly path: KeyPath;
  readonly value: unknown;
  readonly offset: number;
}

/** `backup.include[2]` */
export function showPath(path: KeyPath): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

/** The line of the key (or item) at `path`, or of the deepest one on the way that exists. */
export function lineOf(document: Document, lines: LineCounter, path: KeyPath): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const key of path) {
    const step = child(node, key);
    if (step === undefined) break;
    offset = step.offset ?? offset;
    node = step.node;
  }
  return lineAt(lines, offset);
}

export function lineAt(lines: LineCounter, offset: number): number {
  return Math.max(1, lines.linePos(offset).line);
}

/** Every key of the file, and every scalar value, in order. */
export function* scalarsOf(document: Document): Iterable<PlacedScalar & { readonly isKey: boolean }> {
  yield* scalarsBelow(document.contents, []);
}

function* scalarsBelow(node: unknown, path: KeyPath): Iterable<PlacedScalar & { readonly isKey: boolean }> {
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : '';
      const below = [...path, name];
      yield { path: below, value: name, offset: offsetOf(key) ?? 0, isKey: true };
      yield* scalarsBelow(value, below);
    }
  } else if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) yield* scalarsBelow(item, [...path, index]);
  } else if (isScalar(node)) {
    yield { path, value: node.value, offset: offsetOf(node) ?? 0, isKey: false };
  }
}

function child(
  node: unknown,
  key: PropertyKey,
): { readonly node: unknown; readonly offset: number | undefined } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
    return pair === undefined ? undefined : { node: pair.value, offset: offsetOf(pair.key) };
  }
  if (isSeq(node)) {
    const item = node.items[Number(key)];
    return item === undefined ? undefined : { node: item, offset: offsetOf(item) };
  }
  return undefined;
}

function offsetOf(node: unknown): number | undefined {
  return hasRange(node) ? node.range?.[0] : undefined;
}

function hasRange(node: unknown): node is Pick<Node, 'range'> {
  return typeof node === 'object' && node !== null && 'range' in node;
}
