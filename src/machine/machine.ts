/** Virtual machines: started, watched and ended. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Host } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { formatDuration } from '../kernel/units.ts';
import { limited, raceAbort } from '../kernel/wait.ts';
import { commandLine, type RunFiles } from '../qemu/command-line.ts';
import type { Qemu } from '../qemu/program.ts';
import { connectQmp, type Qmp } from '../qemu/qmp.ts';
import type { Accelerator, Disk, MachineSpec } from '../qemu/spec.ts';
import { connectAgent } from './agent.ts';
import { HotPlug } from './hot-plug.ts';
import { type Meter, processMeter, type Usage } from './meter.ts';
import { type SerialConsole, serialConsole } from './serial.ts';
import { loadState, saveState } from './state.ts';

export interface StartOptions {
  readonly qemu: Qemu;
  readonly accelerator: Accelerator;
  /** Only with what nobody else wants of processors and disks. @default false */
  readonly inBackground?: boolean;
  /** A file that {@link Machine.saveState} made of a machine of the same spec: it goes on from there. */
  readonly state?: string;
}

/** A machine that runs. Disposing ends it at once, as if its plug were pulled. */
export interface Machine extends AsyncDisposable {
  readonly name: string;
  readonly serial: SerialConsole;
  readonly qmp: Qmp;
  /**
   * The machine as a {@link Host}, by the agent that runs in it; waits until it answers.
   *
   * @throws LifeboatError `machine-timeout` with the last lines of the console, `machine-failed`
   */
  connect(limitMs: number, signal: AbortSignal): Promise<Host>;
  addDisk(disk: Disk, signal: AbortSignal): Promise<void>;
  /** Pulls a disk out, whatever the guest is doing with it. */
  removeDisk(serial: string, signal: AbortSignal): Promise<void>;
  /**
   * Writes memory and devices to a file from which other machines can go on; this one stands still from then on. Its disks are as they
   * were at that moment: what goes on needs overlays of them.
   */
  saveState(file: string, signal: AbortSignal): Promise<void>;
  /** A picture of the screen as PNG; for machines that have one. */
  screenshot(file: string, signal: AbortSignal): Promise<void>;
  /** Presses the power button and waits until the guest has shut down. */
  powerOff(limitMs: number, signal: AbortSignal): Promise<void>;
  /** Waits until the machine has ended by itself. */
  ended(limitMs: number, signal: AbortSignal): Promise<void>;
  /** What it has taken so far, or in all when it has ended. */
  usage(): Usage;
}

/** How long QEMU may take until it answers, on a machine that is very busy. */
const startLimitMs = 60_000;
const foreground = ['setpriv'] as const;
const background = ['nice', '-n', '19', 'ionice', '-c', '3', 'setpriv'] as const;
/** How long after its sockets a process that ends may be there. */
const reasonMs = 1_000;

/**
 * Starts a machine. The process dies with ours, however ours ends.
 *
 * @throws LifeboatError `machine-failed` with what QEMU said, `tool-missing`
 */
export async function startMachine(spec: MachineSpec, options: StartOptions, signal: AbortSignal): Promise<Machine> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.adopt(await mkdtemp(join(tmpdir(), 'lifeboat-vm-')), async (path) => {
    await rm(path, { recursive: true, force: true });
  });
  const files = runFiles(directory);
  const serial = serialConsole(files.serialLog, files.serial);
  const running = startProcess(spec, options, files, serial);
  stack.defer(() => running.pull());
  using limit = limited(signal, startLimitMs, () => new LifeboatError('machine-timeout', 'QEMU does not answer'));
  const qmp = stack.use(await orEnded((own) => connectQmp(files.qmp, own), running, limit.signal));
  const { state } = options;
  if (state !== undefined) await orEnded((own) => loadState(qmp, state, own), running, signal);
  const pid = await orEnded(() => readFile(files.pid, 'utf8'), running, signal);
  const meter = processMeter(Number(pid));
  qmp.onEvent(({ name }) => {
    if (name === 'SHUTDOWN') meter.sample();
  });
  return new RunningMachine(spec, files, serial, qmp, running, meter, stack.move());
}

function runFiles(directory: string): RunFiles {
  return {
    qmp: join(directory, 'qmp.sock'),
    serial: join(directory, 'serial.sock'),
    serialLog: join(directory, 'serial.log'),
    agent: join(directory, 'agent.sock'),
    pid: join(directory, 'pid'),
  };
}

/** A process of QEMU. */
interface Process {
  /** Rejects when it does not end well. */
  readonly ended: Promise<void>;
  /** Rejects however it ends: for those who need it to run. */
  readonly gone: Promise<never>;
  /** Ends it. */
  pull(): Promise<void>;
}

function startProcess(spec: MachineSpec, options: StartOptions, files: RunFiles, serial: SerialConsole): Process {
  const { qemu, accelerator, inBackground, state } = options;
  const args = commandLine(spec, { accelerator, files, incoming: state !== undefined });
  const plug = new AbortController();
  const running = localHost().stream(
    [
      ...(inBackground === true ? background : foreground),
      '--pdeathsig',
      'KILL',
      ...qemu.argv('qemu-system-x86_64'),
      ...args,
    ],
    { env: qemu.env, killGraceMs: 5_000 },
    plug.signal,
  );
  const ended = (async () => {
    const { code, stderr } = await running.finished;
    if (code === 0) return;
    const lines = [stderr.trim(), serial.lastLines(10)].filter((text) => text !== '').join('\n');
    throw new LifeboatError('machine-failed', `the machine ${spec.name} ended with exit code ${code}:\n${lines}`);
  })();
  const gone = ended.then((): never => {
    const shown = serial.lastLines(15);
    throw new LifeboatError('machine-failed', `the machine ${spec.name} has ended; the console shows:\n${shown}`);
  });
  for (const promise of [ended, gone]) promise.catch(() => undefined);
  const pull = async () => {
    plug.abort(new LifeboatError('interrupted', 'the machine was switched off'));
    await ended.catch(() => undefined);
  };
  return { ended, gone, pull };
}

/**
 * What `work` gives; it is told to stop when the machine has ended. When it fails as the machine ends, what is said of that is the better
 * reason.
 */
async function orEnded<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { gone }: Process,
  signal: AbortSignal,
): Promise<T> {
  const over = new AbortController();
  const working = work(AbortSignal.any([signal, over.signal]));
  try {
    return await Promise.race([gone, working]);
  } catch (error) {
    await Promise.race([gone, delay(reasonMs)]);
    throw error;
  } finally {
    working.catch(() => undefined);
    over.abort();
  }
}

class RunningMachine implements Machine {
  readonly name: string;
  readonly serial: SerialConsole;
  readonly qmp: Qmp;
  readonly #files: RunFiles;
  readonly #process: Process;
  readonly #meter: Meter;
  readonly #hotPlug: HotPlug;
  readonly #stack: AsyncDisposableStack;

  constructor(
    spec: MachineSpec,
    files: RunFiles,
    serial: SerialConsole,
    qmp: Qmp,
    process: Process,
    meter: Meter,
    stack: AsyncDisposableStack,
  ) {
    this.name = spec.name;
    this.serial = {
      ...serial,
      async waitFor(pattern, limitMs, signal, from) {
        // What it had printed counts, also when it has ended since.
        const printed = pattern.exec(serial.text().slice(from));
        return printed ?? (await orEnded((own) => serial.waitFor(pattern, limitMs, own, from), process, signal));
      },
    };
    this.qmp = qmp;
    this.#files = files;
    this.#process = process;
    this.#meter = meter;
    this.#hotPlug = new HotPlug(qmp);
    this.#stack = stack;
  }

  async connect(limitMs: number, signal: AbortSignal): Promise<Host> {
    using limit = this.#limit('its agent does not answer', limitMs, signal);
    const name = `machine:${this.name}`;
    return await orEnded((own) => connectAgent(this.#files.agent, { name }, own), this.#process, limit.signal);
  }

  async addDisk(disk: Disk, signal: AbortSignal): Promise<void> {
    await orEnded((own) => this.#hotPlug.add(disk, own), this.#process, signal);
  }

  async removeDisk(serial: string, signal: AbortSignal): Promise<void> {
    await orEnded((own) => this.#hotPlug.remove(serial, own), this.#process, signal);
  }

  async saveState(file: string, signal: AbortSignal): Promise<void> {
    await orEnded((own) => saveState(this.qmp, file, own), this.#process, signal);
  }

  async screenshot(file: string, signal: AbortSignal): Promise<void> {
    await this.qmp.execute('screendump', { filename: file, format: 'png' }, signal);
  }

  async powerOff(limitMs: number, signal: AbortSignal): Promise<void> {
    await this.qmp.execute('system_powerdown', {}, signal);
    await this.ended(limitMs, signal);
  }

  async ended(limitMs: number, signal: AbortSignal): Promise<void> {
    using limit = this.#limit('it has not ended', limitMs, signal);
    await raceAbort(this.#process.ended, limit.signal);
  }

  usage(): Usage {
    return this.#meter.sample();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#meter.sample();
    await this.#stack.disposeAsync();
  }

  /** A watchdog that says what the console showed last. */
  #limit(what: string, limitMs: number, signal: AbortSignal) {
    return limited(signal, limitMs, () => {
      const { cpuSeconds } = this.usage();
      const spent = `${formatDuration(limitMs)} (${cpuSeconds.toFixed(1)} CPU s)`;
      const shown = this.serial.lastLines(15);
      return new LifeboatError(
        'machine-timeout',
        `the machine ${this.name}: ${what} after ${spent}; the console shows:\n${shown}`,
      );
    });
  }
}
