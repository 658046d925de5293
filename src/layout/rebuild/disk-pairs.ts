/** `--map OLD=NEW`: which disk takes the place of which, as a person names them. */
import { LifeboatError } from '../../kernel/errors.ts';
import { nearest } from '../../kernel/nearest.ts';
import { type ComponentOf, type Layout } from '../types.ts';

/**
 * Disks that are there, by those that were.
 *
 * @throws LifeboatError `usage` for what names no disk or several, naming those that there are; for a disk that is named twice
 */
export function diskPairs(rules: readonly string[], wanted: Layout, found: Layout): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const rule of rules) {
    const [, old, now] = /^([^=]+)=(.+)$/.exec(rule) ?? [];
    if (old === undefined || now === undefined) throw new LifeboatError('usage', `not OLD=NEW: ${rule}`);
    const [from, to] = [diskNamed(old, wanted, 'the capture'), diskNamed(now, found, 'the machine to build on')];
    const twice = pairs.has(from) ? from : [...pairs.values()].includes(to) ? to : undefined;
    if (twice !== undefined) {
      throw new LifeboatError('usage', `--map names ${twice} twice`, { hint: 'One disk takes the place of one.' });
    }
    pairs.set(from, to);
  }
  return pairs;
}

/** By id, serial number, WWN or where it is plugged in; never by the name of a device, which is another after the next start. */
export function diskNamed(name: string, { components }: Layout, where: string): string {
  const disks = components.filter((one): one is ComponentOf<'disk'> => one.kind === 'disk');
  const meant = disks.filter(({ id, serial, wwn, busPath }) => [id, serial, wwn, busPath].includes(name));
  const [only, ...others] = meant;
  if (only !== undefined && others.length === 0) return only.id;
  const known = disks.map(({ id, device, serial }) => `${serial ?? id} (${device})`).join(', ');
  const guess = nearest(
    name,
    disks.flatMap(({ id, serial, wwn }) => [id, serial, wwn].filter((one) => one !== undefined)),
  );
  throw new LifeboatError('usage', `${where} has ${meant.length === 0 ? 'no disk' : 'several disks'} ${name}`, {
    hint: `There are: ${known}.${guess === undefined ? '' : ` Did you mean ${guess}?`}`,
  });
}
