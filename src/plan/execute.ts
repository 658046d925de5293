/** Carries out actions, those on different disks at once, and remembers which of them ended: who is killed goes on where that was. */
import { LifeboatError } from '../kernel/errors.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import type { Argv, Host } from '../host/host.ts';
import type { Action, Command } from './action.ts';
import { startable } from './order.ts';

/** What is known of earlier attempts at the same plan. Each call returns when it is on record for good. */
export interface Progress {
  readonly begun: ReadonlySet<string>;
  readonly ended: ReadonlySet<string>;
  begin(id: string, signal: AbortSignal): Promise<void>;
  end(id: string, signal: AbortSignal): Promise<void>;
}

/** @returns the path of the device that a component is. @throws LifeboatError where there is none */
export type Locate = (id: string, signal: AbortSignal) => Promise<string>;

export interface Execution {
  readonly host: Host;
  readonly progress: Progress;
  /** Asked for at the beginning of each action: devices may have other names by then. */
  readonly locate: (signal: AbortSignal) => Promise<Locate>;
  /** Asked of each disk once, immediately before it is written to. @throws LifeboatError where that must not be */
  readonly check: (disk: string, signal: AbortSignal) => Promise<void>;
  /** What a command reads by name, such as the header of an encrypted volume. @throws LifeboatError where there is none */
  readonly given: (name: string, signal: AbortSignal) => Promise<Uint8Array>;
  /** Before the first command of each action. */
  say(action: Action): void;
}

/**
 * When one fails, those that run come to their end, and no other begins.
 *
 * @throws LifeboatError of the first that failed, saying which action and disks it belongs to
 */
export async function execute(actions: readonly Action[], execution: Execution, signal: AbortSignal): Promise<void> {
  let waiting = actions.filter(({ id }) => !execution.progress.ended.has(id));
  const running = new Map<Action, Promise<void>>();
  const failures: unknown[] = [];
  const checked = new Set<string>();
  while (waiting.length > 0 || running.size > 0) {
    const next = failures.length > 0 || signal.aborted ? [] : startable(waiting, [...running.keys()]);
    for (const action of next) {
      const unchecked = action.writes.filter((disk) => !checked.has(disk));
      for (const disk of unchecked) checked.add(disk);
      const work = carryOut(action, unchecked, execution, signal)
        .catch((error: unknown) => failures.push(error))
        .then(() => void running.delete(action));
      running.set(action, work);
    }
    waiting = waiting.filter((action) => !next.includes(action));
    if (running.size === 0) break;
    await Promise.race(running.values());
  }
  if (failures.length > 0) throw failures[0];
  throwIfAborted(signal);
}

async function carryOut(
  action: Action,
  unchecked: readonly string[],
  execution: Execution,
  signal: AbortSignal,
): Promise<void> {
  const { progress, check, locate } = execution;
  const again = progress.begun.has(action.id) ? (action.again ?? []) : [];
  for (const disk of unchecked) await check(disk, signal);
  execution.say(action);
  await progress.begin(action.id, signal);
  try {
    const path = await locate(signal);
    for (const command of [...again, ...action.commands]) await runCommand(command, path, execution, signal);
  } catch (error) {
    if (!(error instanceof LifeboatError)) throw error;
    const on = action.writes.length === 0 ? '' : ` (on ${action.writes.join(', ')})`;
    throw new LifeboatError(error.code, `${action.title}${on}: ${error.message}`, {
      hint: error.hint ?? 'Mend that, and give the same command again: it goes on with this action.',
      retryable: error.retryable,
      cause: error.cause,
    });
  }
  await progress.end(action.id, signal);
}

async function runCommand(
  { argv, okCodes, stdin, timeoutMs }: Command,
  path: Locate,
  { host, given }: Execution,
  signal: AbortSignal,
): Promise<void> {
  const [program, ...rest] = argv;
  const words: string[] = [];
  for (const word of rest) {
    words.push(
      typeof word === 'string' ? word : `${word.before ?? ''}${await path(word.device, signal)}${word.after ?? ''}`,
    );
  }
  const resolved: Argv = [program, ...words];
  const input = typeof stdin === 'object' ? await given(stdin.given, signal) : stdin;
  await host.run(
    resolved,
    {
      ...(okCodes === undefined ? {} : { okCodes }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(input === undefined ? {} : { stdin: typeof input === 'string' ? Buffer.from(input) : input }),
    },
    signal,
  );
}
