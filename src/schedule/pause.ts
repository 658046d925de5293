/** Whether a run should wait because the machine is on battery or busy. */
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import type { JobSettings } from './jobs.ts';

const resources = ['cpu', 'io', 'memory'] as const;

/**
 * Why to wait, in words; `undefined` for no reason. What the kernel does not tell is no reason: without supplies in
 * `/sys`, or without pressure in `/proc`, nothing is waited for.
 */
export async function reasonToWait(
  pause: JobSettings['pause'],
  host: Host,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (pause === undefined) return undefined;
  if (pause.onBattery && (await onBattery(host, signal))) return 'it runs on battery';
  const limit = pause.pressure;
  if (limit === undefined) return undefined;
  for (const resource of resources) {
    const percent = parsePressure(await textOf(host, `/proc/pressure/${resource}`, signal));
    if (percent !== undefined && percent > limit) {
      return `it is busy: for ${percent} % of the last 10 s something waited for ${resource}, above ${limit} %`;
    }
  }
  return undefined;
}

/** There are mains, and none of them is online. */
async function onBattery(host: Host, signal: AbortSignal): Promise<boolean> {
  const argv = ['find', '-L', '/sys/class/power_supply', '-mindepth', '2', '-maxdepth', '2', '-name', 'type'] as const;
  const { stdout } = await host.run(argv, { okCodes: [0, 1] }, signal);
  const types = stdout
    .toString('utf8')
    .split('\n')
    .filter((path) => path !== '');
  const online: boolean[] = [];
  for (const path of types) {
    if (!/^(Mains|USB)/.test((await textOf(host, path, signal)) ?? '')) continue;
    const state = (await textOf(host, path.replace(/type$/, 'online'), signal))?.trim();
    if (state !== undefined) online.push(state !== '0');
  }
  return online.length > 0 && !online.includes(true);
}

/** Percent of the last ten seconds in which something waited. */
export function parsePressure(text: string | undefined): number | undefined {
  const found = /^some avg10=(\d+(?:\.\d+)?)/m.exec(text ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}

async function textOf(host: Host, path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await host.read(path, { maxBytes: 4096 }, signal)).toString('utf8');
  } catch (error) {
    // Pressure may be switched off (`psi=0`): then the file is there and cannot be read.
    if (error instanceof LifeboatError && error.code !== 'interrupted') return undefined;
    throw error;
  }
}
