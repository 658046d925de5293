/**
 * A step: the smallest thing that a run finishes, repeats or undoes.
 *
 * A step is finished when its end record is durable in the journal. Up to that moment it may be killed and run again,
 * so a step must be repeatable, and what it half did must be undone by a cleanup that it registered *before* the deed.
 */
import type { Host } from '../host/host.ts';
import type { Jsonable } from '../kernel/json.ts';
import type { SecretSource } from '../kernel/secret.ts';

/** What a type of state must be: JSON under string keys. A `Secret`, a function or a date makes a key unusable. */
export type JsonState<S> = { readonly [Key in keyof S]: Jsonable<S[Key]> };

/** State as the engine sees it, which knows no domain. */
export type AnyState = Readonly<Record<string, unknown>>;

/**
 * Deeds that undo other deeds, by name. They are named, and take JSON, because a run that was killed is cleaned up by
 * another process, out of the journal. A cleanup must be repeatable too, and find nothing to do a fine thing.
 */
export type Cleanups = Readonly<Record<string, (args: never, context: CleanupContext) => Promise<void>>>;

export interface CleanupContext {
  readonly host: Host;
  readonly secrets: SecretSource;
  readonly say: Say;
  /** How that ended which is cleaned up after: all of it well, or how the first part of it did not. */
  readonly outcome: Outcome;
  /** Not the run's own signal, which may be aborted already: cleaning up has its own time limit. */
  readonly signal: AbortSignal;
}

export type Outcome = 'done' | 'failed' | 'interrupted' | 'killed';

type Register<C extends Cleanups> = <Name extends keyof C & string>(
  name: Name,
  args: Parameters<C[Name]>[0] & Jsonable<Parameters<C[Name]>[0]>,
) => Promise<void>;

export interface StepContext<State, C extends Cleanups> {
  /** The machine that the run is about. */
  readonly host: Host;
  /** What the step asked for by `needs`, and nothing else. */
  readonly state: Readonly<State>;
  /** Not part of the state, which is journalled. */
  readonly secrets: SecretSource;
  readonly runId: string;
  /** Aborted when the run is interrupted or the step's time is over. Pass it on, and check it before each write. */
  readonly signal: AbortSignal;
  /**
   * Has a cleanup of this step run when the run ends, however it ends; in reverse order of registration. A step that
   * holds something until the end is run again when the run is resumed.
   */
  readonly atEnd: Register<C>;
  /**
   * Has a cleanup of this step run when the run fails, is interrupted, or was killed before this step was finished. The
   * steps after one that was undone are undone and run again with it.
   */
  readonly onFailure: Register<C>;
  /**
   * Has a cleanup of this step run only when the run is undone (`runs resume --undo`): for what a later attempt goes on with,
   * whichever process makes it. The step has to recognise what it finds. Nothing is owed any more when the run has ended well.
   */
  readonly onUndo: Register<C>;
  readonly say: Say;
  /** Asks the person at the screen; refused (`refused`) where nobody can answer. */
  readonly ask: Ask;
}

export type Say = (message: Message) => void;

/** What a step can tell. Domain code never prints. */
export type Message =
  | { readonly type: 'note'; readonly text: string }
  /** For the log only. */
  | { readonly type: 'detail'; readonly text: string }
  /** Amount done so far, and of how much where that is known. */
  | { readonly type: 'progress'; readonly done: number; readonly total?: number; readonly unit: 'bytes' | 'items' }
  /** Something skipped, unverified or not faithful: the run ends with exit status 4. */
  | { readonly type: 'finding'; readonly subject: string; readonly problem: string };

export type Ask = (question: Question, signal: AbortSignal) => Promise<string>;

export interface Question {
  /** Names the question for policies and records. */
  readonly id: string;
  readonly text: string;
  readonly choices?: readonly string[];
}

/** How a step is written: `needs` and `gives` are keys of the state, and type what `run` sees and must return. */
export interface StepSpec<S, Needs extends keyof S, Gives extends keyof S, C extends Cleanups> {
  /** Unique within its stage; `<stage>.<id>` names it in configuration, journal and on screen. */
  readonly id: string;
  /** What it does, as a person would say it: "Read the storage layout". */
  readonly title: string;
  readonly needs: readonly Needs[];
  readonly gives: readonly Gives[];
  /** Set when it writes to disks or changes the host: dry runs point it out. */
  readonly destructive?: boolean;
  /**
   * Set when what the steps up to this one did must stay from here on, whatever comes: what is done after it counts on that,
   * and cannot be taken back.
   */
  readonly settles?: boolean;
  /** Time limit, as `90s` or `2h`. @default '24h' */
  readonly timeout?: string;
  /** How often it is tried again after an error that says that this may help. @default 0 */
  readonly retries?: number;
  readonly cleanups?: C;
  run(context: StepContext<Pick<S, Needs>, C>): Promise<Pick<S, Gives>>;
}

/** A step as the engine runs it. */
export interface Step {
  readonly id: string;
  readonly title: string;
  readonly needs: readonly string[];
  readonly gives: readonly string[];
  readonly destructive?: boolean;
  readonly settles?: boolean;
  readonly timeout?: string;
  readonly retries?: number;
  readonly cleanups?: Cleanups;
  run(context: StepContext<AnyState, Cleanups>): Promise<AnyState>;
}
