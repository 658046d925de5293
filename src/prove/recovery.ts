/** What is to be proven: the recovered machine, mounted, and what it was made of. */
import type { Layout } from '../layout/types.ts';
import type { Plan } from '../layout/rebuild/document.ts';
import type { EngineRepository } from '../point/catalogue.ts';
import type { Point } from '../point/point.ts';

export interface Recovery {
  readonly repository: EngineRepository;
  readonly point: Point;
  /** Where the recovered system is mounted, with `dev`, `proc`, `sys` and `run` in it. */
  readonly root: string;
  /** By which the disks were made; absent where they were not. */
  readonly plan?: Plan;
  /** The layout of the point. */
  readonly captured: Layout;
  /** By which this machine starts. */
  readonly firmware: 'bios' | 'uefi';
  /** Absolute paths that differ from the point on purpose; a directory stands for all below it. */
  readonly changed: readonly string[];
  /** Absolute paths that were not to be restored; a directory stands for all below it. @default none */
  readonly leftOut?: readonly string[];
  /** How long the reading of files may take. @default as long as it takes */
  readonly budgetMs?: number;
}

/** As steps say things. */
export type Tell = (
  message:
    | { readonly type: 'note'; readonly text: string }
    | { readonly type: 'progress'; readonly done: number; readonly total?: number; readonly unit: 'bytes' | 'items' },
) => void;
