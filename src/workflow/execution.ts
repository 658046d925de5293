/** One process's work on a run: steps in order, each journalled; cleanups in reverse; a status at the end. */
import type { Host } from '../host/host.ts';
import { asLifeboatError, errorRecord, LifeboatError } from '../kernel/errors.ts';
import type { Json } from '../kernel/json.ts';
import { limited, raceAbort, retry, throwIfAborted } from '../kernel/wait.ts';
import type { Emit, RunStatus } from './events.ts';
import type { Journal, JournalFinding } from './journal.ts';
import { answerKey, type Owed, type Progress } from './replay.ts';
import type { AnyState, Ask, CleanupContext, Cleanups, Message, Question, StepContext } from './step.ts';
import type { Unit } from './units.ts';

/** How long a step or cleanup may go on after its signal was aborted before the run goes on without it. */
const SETTLE_MS = 30_000;
const CLEANUP_LIMIT_MS = 10 * 60_000;
const RETRY_DELAY_MS = 1000;
const RETRY_MAX_DELAY_MS = 60_000;

export interface Surroundings {
  readonly runId: string;
  readonly units: readonly Unit[];
  readonly host: Host;
  readonly journal: Journal;
  readonly emit: Emit;
  readonly ask: Ask;
  readonly now: () => Date;
}

export class Execution {
  readonly #in: Surroundings;
  readonly #state: Record<string, Json>;
  readonly #finished: Set<string>;
  readonly #answers: Map<string, string>;
  #owed: Owed[];
  #nextRef: number;
  readonly findings: JournalFinding[];
  failure: LifeboatError | undefined;

  constructor(surroundings: Surroundings, progress: Progress) {
    this.#in = surroundings;
    this.#state = { ...progress.run.inputs };
    for (const { gives } of progress.finished.values()) Object.assign(this.#state, gives);
    this.#finished = new Set(progress.finished.keys());
    this.#answers = new Map(progress.answers);
    this.#owed = [...progress.owed];
    this.#nextRef = progress.nextRef;
    this.findings = [...progress.findings];
  }

  /** Everything that inputs and finished steps gave. */
  get state(): Readonly<Record<string, Json>> {
    return this.#state;
  }

  /**
   * Makes the journal of an earlier process a sound beginning: what a killed step half did is undone, and what was held
   * until the end is let go, so that its step takes it again.
   */
  async recover(): Promise<void> {
    if (this.#pending().length === 0) return;
    const stale = this.#owed.filter(({ when, step }) => when === 'end' || !this.#finished.has(step));
    await this.#undo(stale, new Set(stale.map(({ step }) => step)));
  }

  /** Goes through all steps that are not finished. Returns how it ended; never throws for a step that failed. */
  async proceed(signal: AbortSignal): Promise<RunStatus> {
    try {
      for (const unit of this.#in.units) {
        throwIfAborted(signal);
        await this.#runUnit(unit, signal);
      }
      await this.#clean(this.#owed.filter(({ when }) => when === 'end'));
    } catch (error) {
      this.failure = asLifeboatError(error);
    }
    if (this.failure) {
      await this.undoAll();
      return this.failure.code === 'interrupted' ? 'interrupted' : 'failed';
    }
    return this.findings.length > 0 ? 'incomplete' : 'done';
  }

  /** Carries out every cleanup owed. Steps that were undone, and those that came after them, are no longer finished. */
  async undoAll(): Promise<void> {
    const order = this.#in.units.map(({ id }) => id);
    const firstUndone = Math.min(
      ...this.#owed.filter(({ when }) => when === 'failure').map(({ step }) => order.indexOf(step)),
      order.length,
    );
    const holders = new Set(this.#owed.map(({ step }) => step));
    await this.#undo(this.#owed, new Set(order.filter((step, index) => index >= firstUndone || holders.has(step))));
  }

  #pending(): Unit[] {
    return this.#in.units.filter(({ id, skipped }) => !skipped && !this.#finished.has(id));
  }

  /** The journal says first that the steps are no longer finished: a kill in between then repeats the cleanups. */
  async #undo(owed: readonly Owed[], steps: ReadonlySet<string>): Promise<void> {
    const undone = [...steps].filter((step) => this.#finished.delete(step));
    try {
      if (undone.length > 0) await this.#in.journal.append({ type: 'undone', steps: undone });
      await this.#clean(owed);
    } catch (error) {
      this.failure ??= asLifeboatError(error);
    }
  }

  async #runUnit(unit: Unit, signal: AbortSignal): Promise<void> {
    const { emit, now, journal } = this.#in;
    const { id: step } = unit;
    const title = unit.step.title;
    if (unit.skipped || this.#finished.has(step)) {
      emit({ type: 'step-skipped', step, title, reason: unit.skipped ? 'configured' : 'finished' });
      return;
    }
    const started = now().getTime();
    try {
      const policy = { attempts: unit.retries + 1, delayMs: RETRY_DELAY_MS, maxDelayMs: RETRY_MAX_DELAY_MS };
      const onRetry = (error: LifeboatError) => emit({ type: 'step-retried', step, error: errorRecord(error) });
      const { gives, findings } = await retry(
        policy,
        (attempt) => this.#attempt(unit, attempt, signal),
        onRetry,
        signal,
      );
      const ms = now().getTime() - started;
      await journal.append({ type: 'end', step, gives, findings, ms });
      this.#finished.add(step);
      Object.assign(this.#state, gives);
      this.findings.push(...findings);
      emit({ type: 'step-finished', step, title, ms });
    } catch (error) {
      const record = errorRecord(error);
      emit({ type: 'step-failed', step, title, error: record });
      await journal.append({ type: 'fail', step, error: record });
      throw error;
    }
  }

  async #attempt(
    unit: Unit,
    attempt: number,
    runSignal: AbortSignal,
  ): Promise<{ gives: Record<string, Json>; findings: JournalFinding[] }> {
    const { emit, journal } = this.#in;
    await this.#clean(this.#owed.filter(({ step }) => step === unit.id));
    await journal.append({ type: 'begin', step: unit.id, attempt });
    emit({ type: 'step-started', step: unit.id, title: unit.step.title, attempt });
    const findings: JournalFinding[] = [];
    using limit = limited(runSignal, unit.timeoutMs, () => timeout(unit));
    const say = (message: Message) => {
      if (message.type === 'finding')
        findings.push({ step: unit.id, subject: message.subject, problem: message.problem });
      emit({ type: 'step-said', step: unit.id, message });
    };
    const result = await settled(unit.step.run(this.#context(unit, say, limit.signal)), limit.signal);
    throwIfAborted(limit.signal);
    return { gives: checkedGives(unit, result), findings };
  }

  #context(unit: Unit, say: (message: Message) => void, signal: AbortSignal): StepContext<AnyState, Cleanups> {
    const register = (when: Owed['when']) => (cleanup: string, args: Json) => this.#owe(unit, when, cleanup, args);
    return {
      host: this.#in.host,
      state: this.#view(unit),
      runId: this.#in.runId,
      signal,
      atEnd: register('end'),
      onFailure: register('failure'),
      say,
      ask: (question, askSignal) => this.#answer(unit, question, askSignal),
    };
  }

  /** Drop-ins get the whole state; a step what it asked for. A copy: what a step changes in it is its own affair. */
  #view(unit: Unit): Readonly<Record<string, Json>> {
    if (unit.kind === 'drop-in') return structuredClone(this.#state);
    return Object.fromEntries(unit.step.needs.map((key) => [key, structuredClone(this.#state[key] ?? null)]));
  }

  async #answer(unit: Unit, question: Question, signal: AbortSignal): Promise<string> {
    const key = answerKey(unit.id, question.id);
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const answer = await raceAbort(this.#in.ask(question, signal), signal);
    await this.#in.journal.append({ type: 'answer', step: unit.id, question: question.id, answer });
    this.#answers.set(key, answer);
    return answer;
  }

  async #owe(unit: Unit, when: Owed['when'], cleanup: string, args: Json): Promise<void> {
    const owed = { ref: this.#nextRef, when, step: unit.id, cleanup, args };
    this.#nextRef += 1;
    await this.#in.journal.append({ type: 'owe', ...owed });
    this.#owed.push(owed);
  }

  /** In reverse order of registration. One that fails stays owed and does not keep the others from running. */
  async #clean(owed: readonly Owed[]): Promise<void> {
    let firstFailure: LifeboatError | undefined;
    for (const item of [...owed].sort((a, b) => b.ref - a.ref)) {
      this.#in.emit({ type: 'cleanup-started', step: item.step, cleanup: item.cleanup });
      try {
        await this.#cleanOne(item);
      } catch (error) {
        this.#in.emit({ type: 'cleanup-failed', step: item.step, cleanup: item.cleanup, error: errorRecord(error) });
        firstFailure ??= asLifeboatError(error);
        continue;
      }
      await this.#in.journal.append({ type: 'cleaned', ref: item.ref });
      this.#owed = this.#owed.filter(({ ref }) => ref !== item.ref);
    }
    if (firstFailure) throw firstFailure;
  }

  async #cleanOne(item: Owed): Promise<void> {
    const deed = this.#in.units.find(({ id }) => id === item.step)?.step.cleanups?.[item.cleanup];
    if (!deed) {
      throw new LifeboatError('workflow-invalid', `${item.step} no longer has the cleanup ${item.cleanup}`, {
        hint: 'The run was begun by another version of this workflow. Resume it with that version.',
      });
    }
    const never = new AbortController();
    using limit = limited(never.signal, CLEANUP_LIMIT_MS, () => {
      return new LifeboatError('step-timeout', `the cleanup ${item.cleanup} of ${item.step} did not end in time`);
    });
    const context: CleanupContext = {
      host: this.#in.host,
      say: (message) => this.#in.emit({ type: 'step-said', step: item.step, message }),
      signal: limit.signal,
    };
    // The arguments were checked by the compiler where the cleanup was registered; the journal keeps no types.
    const work: Promise<void> = Reflect.apply(deed, undefined, [item.args, context]);
    await settled(work, limit.signal);
  }
}

function timeout(unit: Unit): LifeboatError {
  return new LifeboatError('step-timeout', `step ${unit.id} did not end within ${unit.timeoutMs / 1000} s`, {
    hint: `If it needs longer, set "limits: { ${unit.id}: … }" in the configuration.`,
  });
}

/** The work's own outcome; after an abort it has a while to settle, so that cleanups do not meet it still working. */
async function settled<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await raceAbort(work, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    const patience = Promise.withResolvers<void>();
    const timer = setTimeout(patience.resolve, SETTLE_MS);
    await Promise.race([Promise.allSettled([work]), patience.promise]);
    clearTimeout(timer);
    throw error;
  }
}

/** What the compiler promises of our own steps is checked for a site's, which run with their types stripped. */
function checkedGives(unit: Unit, result: unknown): Record<string, Json> {
  const invalid = (problem: string) => new LifeboatError('workflow-invalid', `step ${unit.id} ${problem}`);
  if (typeof result !== 'object' || result === null) throw invalid('did not return an object');
  const keys = Object.keys(result);
  const missing = unit.step.gives.find((key) => !keys.includes(key));
  if (missing !== undefined) throw invalid(`did not give "${missing}"`);
  const extra = keys.find((key) => !unit.step.gives.includes(key));
  if (extra !== undefined) throw invalid(`gave "${extra}", which it does not list in "gives"`);
  const text = JSON.stringify(result);
  const copy: Record<string, Json> = JSON.parse(text);
  return copy;
}
