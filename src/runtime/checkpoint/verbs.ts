import { LifeboatError } from '../../kernel/errors.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Container } from '../model/container.ts';
import { runtimes } from '../runtimes.ts';

/** The verbs of a runtime. @throws LifeboatError `unsupported` for one that can only be listed */
export function lifecycleOf(runtime: Container['runtime']): Lifecycle {
  const { lifecycle } = runtimes[runtime];
  if (lifecycle !== undefined) return lifecycle;
  throw new LifeboatError('unsupported', `containers of ${runtime} can be listed, and neither dumped nor restored`);
}
