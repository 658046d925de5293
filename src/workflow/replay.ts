/** What a journal means: how far its run has come. A pure function of the records. */
import type { Json } from '../kernel/json.ts';
import type { RunStatus } from './events.ts';
import type { JournalFinding, JournalRecord, RunRecord } from './journal.ts';

export interface FinishedStep {
  readonly gives: Readonly<Record<string, Json>>;
  readonly findings: readonly JournalFinding[];
  readonly ms: number;
}

export interface Owed {
  readonly ref: number;
  readonly when: 'end' | 'failure' | 'undo';
  readonly step: string;
  readonly cleanup: string;
  readonly args: Json;
}

export interface Progress {
  readonly run: RunRecord;
  /** In the order in which they finished. */
  readonly finished: ReadonlyMap<string, FinishedStep>;
  /** Cleanups that may still have to be carried out, in the order of their registration. */
  readonly owed: readonly Owed[];
  readonly answers: ReadonlyMap<string, string>;
  /** The first since the run was last resumed. */
  readonly failure: Extract<JournalRecord, { type: 'fail' }> | undefined;
  /** Undefined while no process has brought the run to an end. */
  readonly status: RunStatus | undefined;
  readonly nextRef: number;
  readonly lastAt: string;
}

/** Names an answer: the same question may be asked by several steps. */
export function answerKey(step: string, question: string): string {
  return `${step}\n${question}`;
}

export function replay(records: readonly [RunRecord, ...JournalRecord[]]): Progress {
  const finished = new Map<string, FinishedStep>();
  const answers = new Map<string, string>();
  const owed = new Map<number, Owed>();
  let failure: Progress['failure'];
  let status: RunStatus | undefined;
  let nextRef = 1;
  for (const record of records) {
    switch (record.type) {
      case 'owe':
        owed.set(record.ref, record);
        nextRef = record.ref + 1;
        break;
      case 'cleaned':
        owed.delete(record.ref);
        break;
      case 'answer':
        answers.set(answerKey(record.step, record.question), record.answer);
        break;
      case 'end':
        finished.set(record.step, record);
        if (record.settled) for (const { ref, when } of owed.values()) if (when !== 'end') owed.delete(ref);
        break;
      case 'fail':
        failure ??= record;
        break;
      case 'undone':
        for (const step of record.steps) finished.delete(step);
        break;
      case 'resume':
        status = undefined;
        failure = undefined;
        break;
      case 'done':
        status = record.status;
        // The run cannot fail any more, so nothing waits for that.
        if (status === 'done' || status === 'incomplete') owed.clear();
        break;
      case 'begin':
      case 'run':
        break;
    }
  }
  return {
    run: records[0],
    finished,
    owed: [...owed.values()],
    answers,
    failure,
    status,
    nextRef,
    lastAt: records.at(-1)?.at ?? records[0].at,
  };
}
