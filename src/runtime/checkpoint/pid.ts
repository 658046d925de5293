import { LifeboatError } from '../../kernel/errors.ts';
import type { Container } from '../model/container.ts';

/** The first process of a container. @throws LifeboatError `refused` for one that does not run */
export function pidOf({ pid, name, state }: Container): number {
  if (pid !== undefined && state === 'running') return pid;
  throw new LifeboatError('refused', `${name} is ${state}: only what runs has a state to be kept`, {
    hint: 'Start it first, or back up the host: what does not run is all in its files.',
  });
}
