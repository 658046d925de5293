/** An {@link Asker} for questions about things that may be dead: few at a time, and all of them within one span. */
import { type Asker, probeTimeoutMs } from './asker.ts';

export interface Bounds {
  /** @default 16 */
  readonly atOnce?: number;
  /** For all questions together, from the making of the asker on. @default 30_000 */
  readonly budgetMs?: number;
}

/** A question whose turn comes after the span has passed is a gap at once. */
export function bounded(base: Asker, { atOnce = 16, budgetMs = 30_000 }: Bounds = {}): Asker {
  const deadline = Date.now() + budgetMs;
  const waiting: (() => void)[] = [];
  let free = atOnce;
  async function inTurn<T>(subject: string, work: (leftMs: number) => Promise<T>): Promise<T | undefined> {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      const left = deadline - Date.now();
      if (left > 0) return await work(left);
      base.gap({ subject, problem: 'not asked: others before it did not answer' });
      return undefined;
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  }
  return {
    gaps: base.gaps,
    gap: (gap) => base.gap(gap),
    dead: base.dead,
    giveUp: (device) => base.giveUp(device),
    settled: () => base.settled(),
    didNotAnswer: (argv) => base.didNotAnswer(argv),
    ask: (question) =>
      inTurn(question.subject ?? question.argv[0], (left) =>
        base.ask({ ...question, timeoutMs: Math.min(left, question.timeoutMs ?? probeTimeoutMs) }),
      ),
    bytes: (question) =>
      inTurn(question.subject ?? question.argv[0], (left) =>
        base.bytes({ ...question, timeoutMs: Math.min(left, question.timeoutMs ?? probeTimeoutMs) }),
      ),
    file: (path, parse, options) => inTurn(path, () => base.file(path, parse, options)),
  };
}
