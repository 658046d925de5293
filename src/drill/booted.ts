/** From the reboot to the login of the recovered system. */
import type { Host } from '../host/host.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import { formatDuration } from '../kernel/units.ts';
import { limited, sleep, throwIfAborted } from '../kernel/wait.ts';
import type { Machine } from '../machine/machine.ts';
import type { Check } from './report.ts';

const bootId = async (host: Host, signal: AbortSignal): Promise<string> =>
  (await host.read('/proc/sys/kernel/random/boot_id', {}, signal)).toString().trim();

/**
 * Does what is to be done in one boot of the machine.
 *
 * @returns what is wrong where it has started again since: then what was seen is of two of them
 */
export async function inOneBoot(host: Host, work: () => Promise<void>, signal: AbortSignal): Promise<readonly Check[]> {
  const before = await bootId(host, signal);
  await work();
  if ((await bootId(host, signal)) === before) return [];
  return [{ name: 'boot', passed: false, detail: 'it started again by itself while it was looked at' }];
}

/** How long the rescue system may take to go down, where it does not by itself. */
const downMs = 120_000;

/**
 * Reboots the rescue system, and waits for the agent of what starts then.
 *
 * @throws LifeboatError `machine-timeout`, `machine-failed` where the medium started again
 */
export async function rebooted(machine: Machine, rescue: Host, limitMs: number, signal: AbortSignal): Promise<Host> {
  const before = await bootId(rescue, signal);
  await rescue.run(['sync'], { timeoutMs: 600_000 }, signal);
  // It takes the answer with it.
  await rescue.run(['reboot'], { timeoutMs: downMs }, signal).catch(() => throwIfAborted(signal));
  await rescue[Symbol.asyncDispose]();
  const late = () => {
    const shown = machine.serial.lastLines(15);
    const what = `the recovered system does not answer after ${formatDuration(limitMs)}`;
    return new LifeboatError('machine-timeout', `${what}; the serial line shows:\n${shown}`);
  };
  using limit = limited(signal, limitMs, late);
  for (;;) {
    const host = await machine.connect(limitMs, limit.signal);
    const now = await bootId(host, limit.signal).catch(() => undefined);
    if (now !== undefined && now !== before) {
      await refuseMedium(host, machine, limit.signal);
      return host;
    }
    await host[Symbol.asyncDispose]();
    await sleep(1_000, limit.signal);
  }
}

async function refuseMedium(host: Host, machine: Machine, signal: AbortSignal): Promise<void> {
  const { code } = await host.run(['test', '-e', '/etc/lifeboat/medium.json'], { okCodes: [0, 1] }, signal);
  if (code !== 0) return;
  const shown = machine.serial.lastLines(15);
  throw new LifeboatError(
    'machine-failed',
    `the firmware found no system that starts on the recovered disks, and started the medium again; the serial line shows:\n${shown}`,
  );
}

/** Also where it lets somebody in by itself. */
const prompt = /\blogin:\s*(?:\S+ \(automatic login\)\s*)?$/m;

/** Waits until somebody could log in: at a console, or at a screen that a display manager draws. */
export async function login(
  host: Host,
  machine: Machine,
  from: number,
  limitMs: number,
  signal: AbortSignal,
): Promise<Check> {
  const until = performance.now() + limitMs;
  for (;;) {
    throwIfAborted(signal);
    if (prompt.test(machine.serial.text().slice(from))) return found('the serial line');
    const screen = await screenText(host, signal);
    if (prompt.test(screen)) return found('the screen');
    if (await isActive(host, 'display-manager.service', signal)) return found('a display manager');
    if (performance.now() >= until) {
      return {
        name: 'login',
        passed: false,
        detail: `no prompt after ${formatDuration(limitMs)}: ${lastLine(screen)}`,
      };
    }
    await sleep(1_000, signal);
  }
}

const found = (where: string): Check => ({ name: 'login', passed: true, detail: `${where} asks who logs in` });

const lastLine = (text: string): string => printable(text.trimEnd().split('\n').at(-1)?.trim().slice(0, 200) ?? '');

/** What the first virtual console shows, line by line. */
async function screenText(host: Host, signal: AbortSignal): Promise<string> {
  try {
    const { stdout } = await host.run(['fold', '-w', await columns(host, signal), '/dev/vcs1'], {}, signal);
    return stdout
      .toString()
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '')
      .join('\n');
  } catch (error) {
    throwIfAborted(signal);
    if (asLifeboatError(error).code === 'unreachable') throw error;
    return '';
  }
}

/** The first four bytes of the console say how many lines and columns it has. */
async function columns(host: Host, signal: AbortSignal): Promise<string> {
  const { stdout } = await host.run(['head', '-c', '4', '/dev/vcsa1'], {}, signal);
  return String(stdout[1] ?? 80);
}

async function isActive(host: Host, unit: string, signal: AbortSignal): Promise<boolean> {
  try {
    const { code } = await host.run(['systemctl', 'is-active', '--quiet', unit], { okCodes: [0, 1, 2, 3, 4] }, signal);
    return code === 0;
  } catch (error) {
    throwIfAborted(signal);
    if (asLifeboatError(error).code === 'unreachable') throw error;
    return false;
  }
}

/** What systemd says once nothing is being started any more; nothing where it is not there. */
export async function systemState(host: Host, limitMs: number, signal: AbortSignal): Promise<readonly Check[]> {
  const until = performance.now() + limitMs;
  for (;;) {
    throwIfAborted(signal);
    const state = await stateOf(host, signal);
    if (state === undefined) return [];
    // What failed is compared with what had failed before.
    if (state === 'running' || state === 'degraded') return [{ name: 'system', passed: true, detail: state }];
    const isOver = performance.now() >= until || state === 'maintenance' || state === 'stopping';
    if (isOver) return [{ name: 'system', passed: false, detail: printable(`it is ${state.slice(0, 200)}`) }];
    await sleep(2_000, signal);
  }
}

async function stateOf(host: Host, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { stdout } = await host.run(['systemctl', 'is-system-running'], { okCodes: [0, 1, 2, 3, 4] }, signal);
    return stdout.toString().trim() || 'unknown';
  } catch (error) {
    throwIfAborted(signal);
    if (asLifeboatError(error).code === 'tool-missing') return undefined;
    throw error;
  }
}
