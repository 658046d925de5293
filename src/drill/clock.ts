/** When what happened in a drill, from power-on. */
import { z } from 'zod';

export const phaseSchema = z.object({
  name: z.string(),
  /** Seconds since power-on. */
  from: z.number(),
  seconds: z.number(),
  /** Only a drill does it: no part of a recovery. */
  own: z.literal(true).exactOptional(),
  /** The phase of which it is a part. */
  within: z.string().exactOptional(),
});

export type Phase = z.infer<typeof phaseSchema>;

export class Clock {
  readonly phases: Phase[] = [];
  readonly #began = performance.now();

  seconds(): number {
    return tenths((performance.now() - this.#began) / 1000);
  }

  /** Work that fails has had its time, too. */
  async phase<T>(name: string, work: () => Promise<T>, kind: { readonly own?: true } = {}): Promise<T> {
    const from = this.seconds();
    try {
      return await work();
    } finally {
      this.phases.push({ name, from, seconds: tenths(this.seconds() - from), ...kind });
    }
  }

  /** Parts of a phase that is over, one after the other, as another clock has counted them. */
  parts(within: string, parts: readonly { readonly name: string; readonly seconds: number }[]): void {
    const whole = this.phases.find(({ name }) => name === within);
    if (whole === undefined) return;
    const spent = parts.reduce((sum, { seconds }) => sum + seconds, 0);
    // It ends with its last part: what comes before the first is the start of the program.
    let from = Math.max(whole.from, whole.from + whole.seconds - spent);
    for (const { name, seconds } of parts) {
      this.phases.push({ name, from: tenths(from), seconds, within });
      from += seconds;
    }
  }

  /** From power-on to now, without what only a drill does. */
  spent(): number {
    const own = this.phases.reduce((sum, { seconds, own: isOwn }) => (isOwn === true ? sum + seconds : sum), 0);
    return tenths(this.seconds() - own);
  }
}

const tenths = (seconds: number): number => Math.round(seconds * 10) / 10;
