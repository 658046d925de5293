/** Where LXC keeps its containers, and what it says of one. */
import { present } from '../../kernel/present.ts';
import type { State } from '../model/container.ts';
import type { Found } from '../runtime.ts';

export const place = '/var/lib/lxc';

const states: Readonly<Record<string, State>> = {
  RUNNING: 'running',
  STARTING: 'running',
  STOPPED: 'exited',
  FROZEN: 'paused',
};

/** @throws Error for what names no state */
export function parseInfo(stdout: string): Pick<Found, 'state' | 'pid'> {
  const state = /^State:\s*(\S+)$/m.exec(stdout)?.[1];
  if (state === undefined) throw new Error('it names no state');
  const pid = /^PID:\s*(\d+)$/m.exec(stdout)?.[1];
  return { state: states[state] ?? 'unknown', ...present({ pid: pid === undefined ? undefined : Number(pid) }) };
}
