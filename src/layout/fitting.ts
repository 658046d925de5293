/** What handlers found, as a layout that can be read again whatever the tools said: what does not fit is a gap. */
import { throwIfAborted } from '../kernel/wait.ts';
import type { Asker } from '../host/asker.ts';
import { asLifeboatError } from '../kernel/errors.ts';
import { type Flaw, flawsOf } from './flaws.ts';
import { kindSubject, type LayoutHandler } from './handler.ts';
import type { Claim } from './stacked.ts';
import { type Component, handlerOf, underOf } from './types.ts';

const hint = 'look at the device with its own tools; if they say something else, please report it';

type Guarded = Claim & Required<Pick<LayoutHandler<Component>, 'capture' | 'rest'>>;

/** The handler with hooks that never throw: one that does is a gap of its kind, and has seen nothing. */
export function guarded(handler: LayoutHandler<Component>, questions: Asker, signal: AbortSignal): Guarded {
  const failed = (error: unknown): undefined => {
    throwIfAborted(signal);
    const { message } = asLifeboatError(error);
    questions.gap({ subject: kindSubject(handler.kind), problem: `lifeboat failed to see them: ${message}`, hint });
  };
  const now = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      return failed(error);
    }
  };
  const soon = async <T>(work: () => Promise<T> | undefined): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      return failed(error);
    }
  };
  const { kind, claims = [], shared = false } = handler;
  return {
    kind,
    claims,
    shared,
    look: async (devices, asker) => (await soon(() => handler.look?.(devices, asker))) ?? devices,
    deviceId: (device, parents) => now(() => handler.deviceId?.(device, parents)),
    mountId: (mount, asker) => now(() => handler.mountId?.(mount, asker)),
    inner: (device, children) => now(() => handler.inner?.(device, children)) ?? false,
    copy: (device, parents) => now(() => handler.copy?.(device, parents)) ?? false,
    capture: async (probes, asker) => (await soon(() => handler.capture(probes, asker))) ?? [],
    rest: async (bare, probes, asker) => (await soon(() => handler.rest?.(bare, probes, asker))) ?? [],
  };
}

/** The components that the schemas of their kinds take and that are a graph. What is left out, of one or of them, is told to `onGap`. */
export function fitting(components: readonly Component[], onGap: Asker['gap']): Component[] {
  let left = components.flatMap((component) => fitted(component, onGap) ?? []);
  for (let flaws = flawsOf(left, underOf); flaws.length > 0; flaws = flawsOf(left, underOf)) {
    left = mended(left, flaws, onGap);
  }
  return left;
}

/** Without those of its attributes that cannot be, where it can be without them. */
function fitted(component: Component, onGap: Asker['gap']): Component | undefined {
  const { schema } = handlerOf(component);
  const { error } = schema.safeParse(component);
  if (error === undefined) return component;
  const bad = new Set(error.issues.map(({ path }) => path[0]));
  const rest = schema.safeParse(Object.fromEntries(Object.entries(component).filter(([name]) => !bad.has(name))));
  const why = error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join(', ');
  onGap({
    subject: nameOf(component),
    problem: rest.success
      ? `what was said of its ${[...bad].join(', ')} cannot be (${why})`
      : `it is left out, as what was said of it cannot be (${why})`,
    hint,
  });
  return rest.data;
}

function mended(components: readonly Component[], flaws: readonly Flaw[], onGap: Asker['gap']): Component[] {
  const byIndex = Map.groupBy(flaws, ({ index }) => index);
  return components.flatMap((component, index) => {
    const own = byIndex.get(index) ?? [];
    if (own.length === 0) return [component];
    const isWhole = own.some(({ edge }) => edge === undefined);
    for (const { edge, problem } of own) {
      onGap({
        subject: nameOf(component),
        problem:
          edge === undefined
            ? `it is left out, as something else has its id ${JSON.stringify(component.id)}`
            : `what it stands on is not told in full, as it ${problem}`,
        hint,
      });
    }
    const wrong = new Set(own.map(({ edge }) => edge));
    return isWhole ? [] : [{ ...component, on: component.on.filter((id) => !wrong.has(id)) }];
  });
}

function nameOf(component: Component): string {
  return ('device' in component ? component.device : undefined) ?? component.id;
}
