/** Which container is meant by a name. */
import { LifeboatError } from '../kernel/errors.ts';
import type { Container } from './model/container.ts';

/** @param name or id, or the beginning of that. @throws LifeboatError `not-found`, `refused` for a name that several have */
export function chosenContainer(name: string, containers: readonly Container[]): Container {
  const exact = containers.filter((one) => one.name === name || one.id === name);
  const found = exact.length > 0 ? exact : containers.filter(({ id }) => name.length >= 4 && id.startsWith(name));
  const [one, ...others] = found;
  if (one === undefined) {
    throw new LifeboatError('not-found', `there is no container ${name} here`, {
      hint: 'See lifeboat container list.',
    });
  }
  if (others.length === 0) return one;
  const list = found.map(({ runtime, id }) => `${runtime} ${id}`).join(', ');
  throw new LifeboatError('refused', `several containers are called ${name}: ${list}`, { hint: 'Name it by its id.' });
}
