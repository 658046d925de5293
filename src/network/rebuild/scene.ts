/** What the actions of a plan are made from, and how they are written down. */
import type { Action, Command } from '../../plan/action.ts';
import { isLasting } from '../diff-links.ts';
import type { Link, Network } from '../types.ts';
import type { Named } from './makers/maker.ts';
import type { Now } from './now.ts';

/** All is one network: nothing of it is done at the same time as something else. */
export const resource = 'network';

export interface Scene {
  readonly before: Network;
  readonly network: Network;
  readonly now: Now;
  /** Cards by what they are known by, all else by name. */
  readonly named: Named;
}

export const act = (
  id: string,
  title: string,
  component: string,
  commands: readonly Command[],
  again?: readonly Command[],
): Action => ({
  id,
  title,
  component,
  writes: [resource],
  commands: [...commands],
  ...(again === undefined ? {} : { again: [...again] }),
});

/** Whether a link gets addresses by DHCP or from a router. */
export const isGiven = ({ addresses }: Link): boolean =>
  addresses.some(
    (address) =>
      !isLasting(address) && address.scope === 'global' && address.origin !== 'kernel' && address.origin !== 'daemon',
  );
