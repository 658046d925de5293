/** The one stream of events of a run. Terminal, JSON lines, log and report are renderings of it. */
import type { ErrorRecord } from '../kernel/errors.ts';
import type { Message } from './step.ts';

export type RunStatus = 'done' | 'incomplete' | 'failed' | 'interrupted' | 'undone';

export type RunEvent =
  | {
      readonly type: 'run-started';
      readonly run: string;
      readonly workflow: string;
      readonly title: string;
      readonly steps: number;
      readonly resumed: boolean;
    }
  | { readonly type: 'step-started'; readonly step: string; readonly title: string; readonly attempt: number }
  | { readonly type: 'step-said'; readonly step: string; readonly message: Message }
  | { readonly type: 'step-finished'; readonly step: string; readonly title: string; readonly ms: number }
  | { readonly type: 'step-skipped'; readonly step: string; readonly title: string; readonly reason: SkipReason }
  | { readonly type: 'step-retried'; readonly step: string; readonly error: ErrorRecord }
  | { readonly type: 'step-failed'; readonly step: string; readonly title: string; readonly error: ErrorRecord }
  | { readonly type: 'cleanup-started'; readonly step: string; readonly cleanup: string }
  | {
      readonly type: 'cleanup-failed';
      readonly step: string;
      readonly cleanup: string;
      readonly error: ErrorRecord;
    }
  | { readonly type: 'run-finished'; readonly run: string; readonly status: RunStatus; readonly ms: number };

/** `finished`: by an earlier process of a resumed run. */
export type SkipReason = 'configured' | 'finished';

/** Takes events; must not throw. */
export type Emit = (event: RunEvent) => void;
