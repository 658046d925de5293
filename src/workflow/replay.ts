/** What a journal means: how far its run has come. A pure function of the records. */
import type { Json } from '../kernel/json.ts';
import type { RunStatus } from './events.ts';
import type { JournalFinding, JournalRecord, RunRecord } from './journal.ts';

export interface Owed {
  readonly ref: number;
  readonly when: 'end' | 'failure';
  readonly step: string;
  readonly cleanup: string;
  readonly args: Json;
}

export interface Progress {
  readonly run: RunRecord;
  /** Finished steps with what they gave, in the order in which they finished. */
  readonly finished: ReadonlyMap<string, { readonly gives: Readonly<Record<string, Json>>; readonly ms: number }>;
  /** Begun and neither finished nor failed: the process died in it. */
  readonly interrupted: string | undefined;
  /** Cleanups not yet carried out, in the order of their registration. */
  readonly owed: readonly Owed[];
  readonly answers: ReadonlyMap<string, string>;
  readonly findings: readonly JournalFinding[];
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
  const finished = new Map<string, { gives: Readonly<Record<string, Json>>; ms: number }>();
  const answers = new Map<string, string>();
  const findings = new Map<string, readonly JournalFinding[]>();
  const owed = new Map<number, Owed>();
  let interrupted: string | undefined;
  let failure: Progress['failure'];
  let status: RunStatus | undefined;
  let nextRef = 1;
  for (const record of records) {
    switch (record.type) {
      case 'begin':
        interrupted = record.step;
        break;
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
        finished.set(record.step, { gives: record.gives, ms: record.ms });
        findings.set(record.step, record.findings);
        interrupted = undefined;
        break;
      case 'fail':
        failure = record;
        interrupted = undefined;
        break;
      case 'undone':
        for (const step of record.steps) {
          finished.delete(step);
          findings.delete(step);
        }
        break;
      case 'resume':
        status = undefined;
        failure = undefined;
        break;
      case 'done':
        status = record.status;
        break;
      case 'run':
        break;
    }
  }
  return {
    run: records[0],
    finished,
    interrupted,
    owed: [...owed.values()],
    answers,
    findings: [...findings.values()].flat(),
    failure,
    status,
    nextRef,
    lastAt: records.at(-1)?.at ?? records[0].at,
  };
}
