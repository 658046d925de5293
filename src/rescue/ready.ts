/** What the rescue system does by itself when it starts goes on behind its menu, and behind an unattended recovery. */
import { existsSync } from 'node:fs';
import { sleep } from '../kernel/wait.ts';

/** Waits until that is over, the network above all; what has not come up by then has to be done without. */
export async function rescueReady(limitMs: number, signal: AbortSignal): Promise<void> {
  const end = performance.now() + limitMs;
  while (!existsSync('/run/lifeboat/ready') && performance.now() < end) await sleep(500, signal);
}
