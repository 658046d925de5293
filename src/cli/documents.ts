/** The three documents that describe a host, each with what can be done with it: one table for all commands on them. */
import { resolve } from 'node:path';
import type { Host } from '../host/host.ts';
import { explaining, LifeboatError } from '../kernel/errors.ts';
import type { Change } from '../kernel/change.ts';
import type { Gap } from '../host/gap.ts';
import type { Captures } from '../point/captures.ts';

interface Captured {
  readonly format: string;
  readonly capturedAt: string;
  readonly gaps: readonly Gap[];
}

/** One kind of document. Modules are loaded when they are used, so that no command waits for all of them. */
export interface DocumentKind<D extends Captured> {
  readonly name: 'layout' | 'network' | 'facts';
  readonly what: string;
  capture(host: Host, signal: AbortSignal): Promise<D>;
  /** @throws LifeboatError `newer-format`, `record-damaged` with the places */
  parse(value: unknown): Promise<D>;
  ofPoint(captures: Captures): D;
  text(document: D): Promise<string>;
  /** A picture of it, where there is one. */
  svg?(document: D): Promise<string>;
  changes(before: D, after: D): Promise<Change[]>;
}

export const layoutDocument: DocumentKind<Captures['layout']> = {
  name: 'layout',
  what: 'disks, partitions, filesystems, mounts and boot',
  async capture(host, signal) {
    const { captureLayout } = await import('../layout/capture.ts');
    const { withoutHold } = await import('../layout/rebuild/held.ts');
    return await withoutHold(await captureLayout(host, new Date(), signal), host, signal);
  },
  parse: async (value) => (await import('../layout/types.ts')).parseLayout(value),
  ofPoint: ({ layout }) => layout,
  text: async (document) => (await import('../layout/tree.ts')).layoutTree(document),
  svg: async (document) => (await import('../layout/svg.ts')).layoutSvg(document),
  changes: async (before, after) => (await import('../layout/diff.ts')).layoutChanges(before, after),
};

export const networkDocument: DocumentKind<Captures['network']> = {
  name: 'network',
  what: 'links, addresses, routes and name servers',
  capture: async (host, signal) =>
    await (await import('../network/capture.ts')).captureNetwork(host, new Date(), signal),
  parse: async (value) => (await import('../network/types.ts')).parseNetwork(value),
  ofPoint: ({ network }) => network,
  text: async (document) => (await import('../network/text.ts')).networkText(document),
  changes: async (before, after) => (await import('../network/diff.ts')).networkChanges(before, after),
};

export const factsDocument: DocumentKind<Captures['facts']> = {
  name: 'facts',
  what: 'system, processors, services, packages and what else the host is',
  capture: async (host, signal) => await (await import('../facts/capture.ts')).captureFacts(host, new Date(), signal),
  parse: async (value) => (await import('../facts/types.ts')).parseFacts(value),
  ofPoint: ({ facts }) => facts,
  text: async (document) => (await import('../facts/text.ts')).factsText(document),
  changes: async (before, after) => (await import('../facts/diff.ts')).factsChanges(before, after),
};

/** Where a document comes from: `host` (this host, now), a file, or a point. */
export type Source = { readonly host: true } | { readonly file: string } | { readonly point: string };

/**
 * What somebody typed. A file is known by a slash, a dot or by being there: ids of points have none of these.
 *
 * @param exists whether there is a file of that name
 */
export function sourceOf(typed: string, exists: (path: string) => boolean): Source {
  if (typed === 'host') return { host: true };
  return /[/.]/.test(typed) || exists(typed) ? { file: resolve(typed) } : { point: typed };
}

/** @throws LifeboatError `not-found`, `record-damaged` (no JSON, or not this document), `newer-format` */
export async function readDocument<D extends Captured>(
  kind: DocumentKind<D>,
  file: string,
  read: (path: string) => Promise<string>,
): Promise<D> {
  const text = await explaining(`read ${file}`, async () => await read(file));
  return await kind.parse(parsed(text, file, kind.name));
}

function parsed(text: string, file: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new LifeboatError('record-damaged', `${file} is not JSON: ${cause instanceof Error ? cause.message : ''}`, {
      hint: `Make one with "lifeboat ${name} capture --output FILE".`,
      cause,
    });
  }
}

/** What one of two captures saw and the other could not: nothing is said about it. */
export function notCompared(before: Captured, after: Captured): string[] {
  const lines = (gaps: readonly Gap[]): string[] => gaps.map(({ subject, problem }) => `${subject}: ${problem}`);
  const [old, now] = [new Set(lines(before.gaps)), new Set(lines(after.gaps))];
  return [...old.symmetricDifference(now)];
}
