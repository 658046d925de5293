/** One process's work on a run: steps in order, each journalled; cleanups in reverse; a status at the end. */
import { isDeepStrictEqual } from 'node:util';
import type { Host } from '../host/host.ts';
import { asLifeboatError, errorRecord, LifeboatError } from '../kernel/errors.ts';
import { type Json, jsonCopy } from '../kernel/json.ts';
import type { SecretSource } from '../kernel/secret.ts';
import { abortError, limited, raceAbort, retry, throwIfAborted } from '../kernel/wait.ts';
import type { Emit, RunStatus } from './events.ts';
import { checkedGives, invalid } from './gives.ts';
import type { Journal, JournalFinding, NewRecord } from './journal.ts';
import { answerKey, type FinishedStep, type Owed, type Progress } from './replay.ts';
import type { AnyState, Ask, CleanupContext, Cleanups, Message, Outcome, Question, StepContext } from './step.ts';
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
  readonly secrets: SecretSource;
  readonly journal: Journal;
  readonly emit: Emit;
  readonly ask: Ask;
  readonly now: () => Date;
  /** How the process before this one left the run, when there was one. */
  readonly before?: Exclude<Outcome, 'done'>;
}

export class Execution {
  readonly #in: Surroundings;
  readonly #inputs: Readonly<Record<string, Json>>;
  readonly #finished: Map<string, FinishedStep>;
  readonly #answers: Map<string, string>;
  #owed: Owed[];
  #nextRef: number;
  #outcome: Outcome;
  failure: LifeboatError | undefined;

  constructor(surroundings: Surroundings, progress: Progress) {
    this.#in = surroundings;
    this.#inputs = progress.run.inputs;
    this.#finished = new Map(progress.finished);
    this.#answers = new Map(progress.answers);
    this.#owed = [...progress.owed];
    this.#nextRef = progress.nextRef;
    this.#outcome = surroundings.before ?? 'done';
  }

  /** What the inputs and the finished steps gave. */
  get state(): Readonly<Record<string, Json>> {
    return this.#stateOf(this.#in.units);
  }

  /** Goes on with the journal of an earlier process. Returns how it ended, as {@link Execution.proceed}. */
  async resume(signal: AbortSignal): Promise<RunStatus> {
    try {
      await this.#recover();
    } catch (error) {
      // Nothing of this process is half done: what cannot be cleaned up now stays owed, and what is finished stands.
      this.failure = asLifeboatError(error);
      return 'failed';
    }
    return this.proceed(signal);
  }

  /** Goes through all steps that are not finished. Returns how it ended; never throws for a step that failed. */
  async proceed(signal: AbortSignal): Promise<RunStatus> {
    this.#outcome = 'done';
    try {
      for (const unit of this.#in.units) {
        throwIfAborted(signal);
        await this.#runUnit(unit, signal);
        await this.#endStage(unit);
      }
    } catch (error) {
      this.failure = asLifeboatError(error);
      const status = this.failure.code === 'interrupted' ? 'interrupted' : 'failed';
      this.#outcome = status;
      await this.#undoAll(false);
      return status;
    }
    try {
      await this.#clean(this.#owed.filter(({ when }) => when === 'end'));
    } catch (error) {
      // Every step is finished: what cannot be let go now is no reason to undo them. It stays owed.
      this.failure = asLifeboatError(error);
      return 'failed';
    }
    return [...this.#finished.values()].some(({ findings }) => findings.length > 0) ? 'incomplete' : 'done';
  }

  /** Carries out every cleanup owed, also what a later attempt would go on with. */
  async undoAll(): Promise<void> {
    await this.#undoAll(true);
  }

  async #undoAll(forGood: boolean): Promise<void> {
    try {
      await this.#undo(() => true, forGood);
    } catch (error) {
      this.failure ??= asLifeboatError(error);
    }
  }

  /**
   * Makes the journal of an earlier process a sound beginning: what a killed step half did is undone, and what was held
   * until the end is let go, so that its step takes it again. When nothing is left to do, neither is needed.
   */
  async #recover(): Promise<void> {
    const halfDone = ({ step }: Owed) => !this.#finished.has(step);
    const pending = this.#in.units.some(({ id, skipped }) => !skipped && !this.#finished.has(id));
    if (!pending && !this.#owed.some(halfDone)) return;
    await this.#undo((owed) => owed.when === 'end' || halfDone(owed));
  }

  /**
   * Carries out all cleanups of the steps that `chosen` finds, and with a deed what was built upon it: the steps after
   * one whose deed is undone are undone too. None of these steps is finished any more; the journal says so first, so
   * that a kill in between repeats the cleanups.
   *
   * @param forGood whether nobody will go on, so that what was kept for that goes too
   */
  async #undo(chosen: (owed: Owed) => boolean, forGood = false): Promise<void> {
    const order = this.#in.units.map(({ id }) => id);
    const due = this.#owed.filter(({ when }) => forGood || when !== 'undo');
    const steps = new Set(due.filter(chosen).map(({ step }) => step));
    const deeds = due.filter(({ when, step }) => when === 'failure' && steps.has(step));
    const first = Math.min(...deeds.map(({ step }) => order.indexOf(step)).filter((index) => index >= 0), order.length);
    for (const step of order.slice(first)) steps.add(step);
    for (const step of this.#preparations(steps)) steps.add(step);
    const undone = [...steps].filter((step) => this.#finished.delete(step));
    if (undone.length > 0) await this.#in.journal.append({ type: 'undone', steps: undone });
    await this.#clean(due.filter(({ step }) => steps.has(step)));
  }

  /**
   * The drop-ins that must run again when these steps do: those before a stage of which a finished step is undone, and those
   * before a stage whose end was carried out, as that started again what they had stopped.
   */
  #preparations(steps: ReadonlySet<string>): string[] {
    const { units } = this.#in;
    const again = units.filter(
      ({ id, kind, moment }) => steps.has(id) && this.#finished.has(id) && (kind === 'step' || moment === 'end'),
    );
    const stages = new Set(again.map(({ stage }) => stage));
    return units
      .filter(({ stage, moment }) => stages.has(stage) && (moment === 'before' || moment === 'end'))
      .map(({ id }) => id);
  }

  /** After the last unit of a stage: what its drop-ins owe at its end, which is sooner than the end of the run. */
  async #endStage(unit: Unit): Promise<void> {
    const { units } = this.#in;
    if (units[units.indexOf(unit) + 1]?.stage === unit.stage) return;
    const ends = units.filter(({ stage, moment }) => stage === unit.stage && moment === 'end').map(({ id }) => id);
    await this.#clean(this.#owed.filter(({ step }) => ends.includes(step)));
  }

  #stateOf(units: readonly Unit[]): Record<string, Json> {
    return Object.assign({}, this.#inputs, ...units.map(({ id }) => this.#finished.get(id)?.gives));
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
      const record: NewRecord = { type: 'end', step, gives, findings, ms };
      await journal.append(unit.step.settles ? { ...record, settled: true } : record);
      this.#finished.set(step, { gives, findings, ms });
      if (unit.step.settles) this.#owed = this.#owed.filter(({ when }) => when === 'end');
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
    await this.#undo(({ step }) => step === unit.id);
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
    const register = (when: Owed['when']) => (cleanup: string, args: unknown) => this.#owe(unit, when, cleanup, args);
    return {
      host: this.#in.host,
      secrets: this.#in.secrets,
      state: this.#view(unit),
      runId: this.#in.runId,
      signal,
      atEnd: register('end'),
      onFailure: register('failure'),
      onUndo: register('undo'),
      say,
      ask: (question, askSignal) => this.#answer(unit, question, askSignal),
    };
  }

  /**
   * Drop-ins get the whole state, a step what it asked for, both as it was given before them: in a resumed run later
   * steps may be finished too. A copy: what a step changes in it is its own affair.
   */
  #view(unit: Unit): Readonly<Record<string, Json>> {
    const state = structuredClone(this.#stateOf(this.#in.units.slice(0, this.#in.units.indexOf(unit))));
    if (unit.kind === 'drop-in') return state;
    return Object.fromEntries(unit.step.needs.map((key) => [key, state[key] ?? null]));
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

  async #owe(unit: Unit, when: Owed['when'], cleanup: string, given: unknown): Promise<void> {
    if (!unit.step.cleanups?.[cleanup]) throw invalid(unit, `has no cleanup "${cleanup}"`);
    const args = jsonCopy(given, (place, what) => {
      return invalid(unit, `registers "${cleanup}" with ${what} in its arguments${place}, which is not JSON`);
    });
    // A step that goes on with what an earlier attempt left says again how to undo it.
    const same = (one: Owed) => one.when === when && one.step === unit.id && one.cleanup === cleanup;
    if (when === 'undo' && this.#owed.some((one) => same(one) && isDeepStrictEqual(one.args, args))) return;
    const owed = { ref: this.#nextRef, when, step: unit.id, cleanup, args };
    this.#nextRef += 1;
    await this.#in.journal.append({ type: 'owe', ...owed });
    this.#owed.push(owed);
  }

  /**
   * The last step's first, and of one step in reverse order of registration: a step that was run again on resume may
   * hold what an earlier registration needs. But before all others the drop-ins at the end of a stage: a service that was
   * stopped for it does not wait for a repository to be tidied. One that fails stays owed and does not keep the others
   * from running.
   */
  async #clean(owed: readonly Owed[]): Promise<void> {
    let firstFailure: LifeboatError | undefined;
    const { units } = this.#in;
    const index = ({ step }: Owed) => units.findIndex(({ id }) => id === step);
    const place = (item: Owed) => index(item) + (units[index(item)]?.moment === 'end' ? units.length : 0);
    for (const item of [...owed].sort((a, b) => place(b) - place(a) || b.ref - a.ref)) {
      this.#in.emit({ type: 'cleanup-started', step: item.step, cleanup: item.cleanup });
      try {
        await this.#cleanOne(item);
      } catch (error) {
        const record = errorRecord(error);
        this.#in.emit({ type: 'cleanup-failed', step: item.step, cleanup: item.cleanup, error: record });
        await this.#in.journal.append({ type: 'fail', step: item.step, error: record });
        firstFailure ??= asLifeboatError(error);
        continue;
      }
      await this.#in.journal.append({ type: 'cleaned', ref: item.ref });
      this.#owed = this.#owed.filter(({ ref }) => ref !== item.ref);
    }
    if (firstFailure) throw firstFailure;
  }

  async #cleanOne(item: Owed): Promise<void> {
    const deed = cleanupOf(this.#in.units, item);
    const never = new AbortController();
    using limit = limited(never.signal, CLEANUP_LIMIT_MS, () => {
      return new LifeboatError('step-timeout', `the cleanup ${item.cleanup} of ${item.step} did not end in time`);
    });
    const context: CleanupContext = {
      host: this.#in.host,
      secrets: this.#in.secrets,
      say: (message) => this.#in.emit({ type: 'step-said', step: item.step, message }),
      outcome: this.#outcome,
      signal: limit.signal,
    };
    // The arguments were checked by the compiler where the cleanup was registered; the journal keeps no types.
    const work: Promise<void> = Reflect.apply(deed, undefined, [item.args, context]);
    await settled(work, limit.signal);
  }
}

/** @throws LifeboatError `workflow-invalid` when the workflow does not have it */
export function cleanupOf(units: readonly Unit[], { step, cleanup }: Owed): Cleanups[string] {
  const deed = units.find(({ id }) => id === step)?.step.cleanups?.[cleanup];
  if (deed) return deed;
  throw new LifeboatError('workflow-invalid', `the workflow has no cleanup ${cleanup} of ${step} any more`, {
    hint: 'The run was begun by another version of this workflow. Resume it with that version.',
  });
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
    // Whatever the work made of the abort, this is why it ended.
    const reason = abortError(signal);
    const patience = Promise.withResolvers<void>();
    const timer = setTimeout(patience.resolve, SETTLE_MS);
    await Promise.race([Promise.allSettled([work]), patience.promise]);
    clearTimeout(timer);
    throw reason;
  }
}
