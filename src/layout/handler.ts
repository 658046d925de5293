import type { Probes } from './probes.ts';
import type { ComponentOf, Gap, Kind } from './types.ts';

/** Everything that one kind of component knows how to do. */
export interface LayoutHandler<K extends Kind> {
  readonly kind: K;
  /** Pure: out of what the tools said, the components of this kind. */
  capture(probes: Probes): { readonly components: readonly ComponentOf<K>[]; readonly gaps: readonly Gap[] };
  /** One line for a person; may hold raw names, so print it through `printable`. */
  title(component: ComponentOf<K>): string;
}
