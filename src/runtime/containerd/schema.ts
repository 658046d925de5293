/** What `ctr` prints, the command line that containerd brings along. */
import { z } from 'zod';
import type { State } from '../model/container.ts';
import { specSchema } from '../oci/spec.ts';

/** Of `containers info`: only what is used. */
const infoSchema = z.object({
  Labels: z.record(z.string(), z.string()).nullish(),
  /** As it was asked for; empty where somebody gave a directory. */
  Image: z.string().nullish(),
  Snapshotter: z.string().nullish(),
  SnapshotKey: z.string().nullish(),
  CreatedAt: z.string().nullish(),
  /** Absent of one that was made without it. */
  Spec: specSchema.nullish(),
});

/** @throws Error for what is no description, or why there is none */
export function parseInfo(stdout: string, stderr: string): z.infer<typeof infoSchema> | 'gone' {
  if (stdout !== '') return infoSchema.parse(JSON.parse(stdout));
  if (/not found/.test(stderr)) return 'gone';
  throw new Error(stderr.trim() || 'it says nothing');
}

export const linesOf = (stdout: string): string[] => stdout.split('\n').filter((line) => line !== '');

const states: Readonly<Record<string, State>> = {
  CREATED: 'created',
  RUNNING: 'running',
  PAUSED: 'paused',
  PAUSING: 'paused',
  STOPPED: 'exited',
};

export interface Task {
  readonly pid: number;
  readonly state: State;
}

/** Tasks by the id of their container; what has none was never started, or has ended. @throws Error for what is no such table */
export function parseTasks(stdout: string): ReadonlyMap<string, Task> {
  const [head = '', ...rows] = linesOf(stdout);
  if (!/^TASK\s+PID\s+STATUS\s*$/.test(head)) throw new Error('it is no table of tasks');
  return new Map(
    rows.map((row) => {
      const [, id, pid, status] = /^(\S+)\s+(\d+)\s+(\S+)\s*$/.exec(row) ?? [];
      if (id === undefined || status === undefined) throw new Error(`it has an odd line: ${row}`);
      return [id, { pid: Number(pid), state: states[status] ?? 'unknown' }];
    }),
  );
}

/** Directories of a root on overlay, out of the command that would mount it; none of another kind. */
export function parseOverlay(stdout: string): { readonly writable?: string; readonly layers?: readonly string[] } {
  const option = (name: string): string | undefined => new RegExp(`[\\s,]${name}=([^,\\s]+)`).exec(stdout)?.[1];
  const [writable, layers] = [option('upperdir'), option('lowerdir')?.split(':')];
  return { ...(writable === undefined ? {} : { writable }), ...(layers === undefined ? {} : { layers }) };
}
