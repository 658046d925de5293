/** Under which keys the records of a host stand. */
import { isId } from '../kernel/ids.ts';
import { isKeySegment } from '../target/target.ts';
import { type Suffix, suffixes } from './envelope.ts';

/** `escrow`: what opens the volumes of the host; `media`: what is attested of rescue media, `logs` what rescue systems logged; `checkpoints`: of containers; `forgotten`: of points that are being forgotten, as long as that takes. */
export type RecordKind =
  | 'points'
  | 'captures'
  | 'escrow'
  | 'attestations'
  | 'forgotten'
  | 'media'
  | 'logs'
  | 'checkpoints';

/**
 * By their names. `recovered`: the machine itself was; `drilled`: in a virtual machine, for a test; `restored`: only its files were, for a
 * test. None of these three says anything of the others.
 */
export const attestationKinds = ['verified', 'pinned', 'unpinned', 'recovered', 'drilled', 'restored'] as const;
export type AttestationKind = (typeof attestationKinds)[number];

export function folderOf(host: string, kind: RecordKind): string {
  return `lifeboat/${host}/${kind}`;
}

export function recordKey(host: string, kind: RecordKind, name: string, suffix: Suffix): string {
  return `${folderOf(host, kind)}/${name}${suffix}`;
}

/** Both keys that a record of this name can have. */
export function recordKeys(host: string, kind: RecordKind, name: string): string[] {
  return suffixes.map((suffix) => recordKey(host, kind, name, suffix));
}

/** The name in a key of {@link recordKey}; `undefined` for any other key. */
export function nameIn(host: string, kind: RecordKind, key: string): string | undefined {
  const folder = `${folderOf(host, kind)}/`;
  const suffix = suffixes.find((one) => key.endsWith(one));
  if (!key.startsWith(folder) || suffix === undefined) return undefined;
  const name = key.slice(folder.length, -suffix.length);
  return isKeySegment(name) ? name : undefined;
}

/** So that which ones are needed is known before any is read. */
export function attestationName(point: string, id: string, kind: AttestationKind): string {
  return `${point}.${id}.${kind}`;
}

/** `unknown`: what a later version attests. */
export function parseAttestationName(name: string): { point: string; kind: AttestationKind | 'unknown' } | undefined {
  const [point, id, last, ...rest] = name.split('.');
  if (point === undefined || id === undefined || last === undefined || rest.length > 0) return undefined;
  const kind = attestationKinds.find((one) => one === last);
  if (kind === undefined && !(isId(point) && isId(id) && /^[a-z][a-z-]*$/.test(last))) return undefined;
  return { point, kind: kind ?? 'unknown' };
}
