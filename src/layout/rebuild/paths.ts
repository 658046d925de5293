/** Where the devices of a layout are on the machine that it is being made on. */
import { LifeboatError } from '../../kernel/errors.ts';
import { printable } from '../../kernel/text.ts';
import type { Command } from '../../plan/action.ts';
import type { ComponentOf } from '../types.ts';
import { builderOf } from './builders.ts';
import type { OrderedSite } from './site.ts';

/**
 * The path of a component's device: of a disk the one that it has now, of all else what follows from that.
 *
 * @param disks paths of the disks that are there, by id
 * @throws LifeboatError `not-found` for a disk that is not there any more, `refused` for a name that leads out of its directory
 */
export function devicePath(id: string, site: OrderedSite, disks: ReadonlyMap<string, string>): string {
  const component = site.get(id);
  if (component.kind === 'disk') {
    const path = disks.get(id);
    if (path !== undefined) return path;
    throw new LifeboatError('not-found', `the disk ${id} is not there any more`, {
      hint: 'Plug it in again, or make another plan.',
    });
  }
  const below = (): string => {
    const [under, ...others] = component.on;
    if (under === undefined || others.length > 0) throw new LifeboatError('bug', `${id} has no device`);
    return devicePath(under, site, disks);
  };
  // A table, a physical volume and the like have no device of their own: they are on the one below.
  const path = builderOf(component)?.path?.(component, below, site) ?? below();
  if (!path.includes('/../')) return path;
  throw new LifeboatError('refused', `${printable(id)} has a name that leads elsewhere: ${printable(path)}`, {
    hint: 'Look at the captured layout: no tool makes such a name.',
  });
}

const was = 'was:';

/**
 * A command that is about what is on the disks now: in a plan for the machine's own disks a partition is there before and afterwards,
 * and may be on another disk by then.
 */
export function asItWas(command: Command): Command {
  const [program, ...words] = command.argv;
  const named = words.map((word) => (typeof word === 'string' ? word : { ...word, device: `${was}${word.device}` }));
  return { ...command, argv: [program, ...named] };
}

/** The path of a device that a plan's command names. @throws LifeboatError as {@link devicePath} */
export function pathIn(
  { before, after }: { readonly before: OrderedSite; readonly after: OrderedSite },
  id: string,
  disks: ReadonlyMap<string, string>,
): string {
  return id.startsWith(was) ? devicePath(id.slice(was.length), before, disks) : devicePath(id, after, disks);
}

/** Paths of disks, by id, out of a capture of the machine as it is now. */
export function diskPaths(disks: readonly ComponentOf<'disk'>[]): ReadonlyMap<string, string> {
  return new Map(disks.map(({ id, device }) => [id, device]));
}
