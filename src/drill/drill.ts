/** A host recovered from a point in a machine that reaches nothing, booted, and looked at. */
import { mkdir } from 'node:fs/promises';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { printable } from '../kernel/text.ts';
import { abortError, sleep, throwIfAborted } from '../kernel/wait.ts';
import { type Machine, startMachine } from '../machine/machine.ts';
import type { Qemu } from '../qemu/program.ts';
import type { Accelerator } from '../qemu/spec.ts';
import type { MemoryStore } from '../target/memory/memory.ts';
import type { Target } from '../target/target.ts';
import { overlayOver } from '../target/wrap/overlay.ts';
import { installAgent } from './agent.ts';
import { inOneBoot, login, rebooted } from './booted.ts';
import { builtMachine } from './build.ts';
import { openChannel } from './channel.ts';
import { Clock } from './clock.ts';
import { machineReport, recoveryReport } from './counted.ts';
import { CappedLines, keepEvidence } from './evidence.ts';
import { look, type ToLookAt, wantedNames } from './look.ts';
import { checkMedium } from './medium.ts';
import { type Captured, drillMachine, type Room } from './machine.ts';
import { handOver, mountInside, type Provisions, recoverInside, type Recovery } from './recovery.ts';
import { type Check, DRILL_FORMAT, type DrillReport } from './report.ts';
import { tidy, verdictOf } from './verdict.ts';
import { watched, whileAnswering } from './watch.ts';

export interface DrillRequest extends ToLookAt {
  readonly host: string;
  readonly point: { readonly id: string; readonly createdAt: string };
  readonly captured: Captured;
  /** Opened; nothing of it is changed. */
  readonly target: Target;
  readonly medium: Medium;
  readonly provisions: Provisions;
  readonly room: Room;
  /** Directory for images, which are gone afterwards unless they are kept. */
  readonly images: string;
  /** Directory for what is kept. */
  readonly evidence: string;
  /** The program by which the booted machine is looked at. */
  readonly agent: string;
  readonly version: string;
  /** How long all of it may take, from power-on. */
  readonly limitMs: number;
  /** What has to stay free where its disks are. */
  readonly reserveBytes: number;
  readonly say: (text: string) => void;
}

export interface Medium {
  readonly file: string;
  readonly id: string;
  readonly digest: string;
  /** Of the file, as it is known. */
  readonly sha256: string;
  readonly kernel: string;
}

interface Emulation {
  readonly qemu: Qemu;
  readonly accelerator: Accelerator;
}

/** Longer than anything starts on a busy machine that emulates another. */
const startMs = 1_800_000;
/** More than a machine prints that starts twice and is well. */
const serialBytes = 16 * 1024 * 1024;
const lookMs = 5_000;
/** Of what the recovery logs. */
const logBytes = 8 * 1024 * 1024;

/**
 * A recovery or a machine that fails is a result, and so is one that comes to no end.
 *
 * @throws LifeboatError where there is no machine to try it in: `unsupported`, `tool-missing`, `no-space`,
 * `untrusted`, `interrupted`
 */
export async function drill(request: DrillRequest, emulation: Emulation, signal: AbortSignal): Promise<DrillReport> {
  const { captured, room, images, evidence, medium, point, say } = request;
  const like = drillMachine(captured, room);
  await mkdir(evidence, { recursive: true });
  await mkdir(images, { recursive: true });
  await checkMedium(medium, signal);
  const spec = await builtMachine(like, captured.layout, medium.file, images, emulation.qemu, signal);
  const at = new Date();
  say(`a machine like ${request.host} is started by ${like.firmware}, with ${like.disks.length} blank disks`);
  const clock = new Clock();
  const seen: Seen = { checks: [] };
  await using machine = await startMachine(spec, { ...emulation, inBackground: true }, signal);
  // So that what it showed last can still be seen. An older QEMU does that unasked.
  await machine.qmp.execute('set-action', { panic: 'pause' }, signal).catch(() => throwIfAborted(signal));
  const problem = await tried(machine, request, clock, seen, signal);
  const files = await keepEvidence(machine, seen, evidence);
  // They say nothing of the point.
  if (problem?.code === 'no-space' || problem?.code === 'untrusted') throw problem;
  const { recovery } = seen;
  const checks = seen.checks.map(tidy);
  return {
    format: DRILL_FORMAT,
    what: 'machine',
    host: request.host,
    point: point.id,
    pointMadeAt: point.createdAt,
    repository: request.target.url,
    version: request.version,
    at: at.toISOString(),
    ...verdictOf({ ...present({ problem: problem?.message, recovery }), checks, wanted: wantedNames(request) }),
    seconds: seen.seconds ?? clock.spent(),
    rpoSeconds: Math.max(0, Math.round((at.getTime() - Date.parse(point.createdAt)) / 1000)),
    phases: clock.phases.toSorted((a, b) => a.from - b.from || (a.within === undefined ? -1 : 1)),
    medium: { id: medium.id, digest: medium.digest, kernel: medium.kernel },
    machine: machineReport(like, emulation.accelerator, machine.usage()),
    ...(recovery === undefined ? {} : { recovery: recoveryReport(recovery) }),
    checks,
    evidence: files,
  };
}

/** What is known so far, for the report of a drill that fails. */
interface Seen {
  readonly checks: Check[];
  recovery?: Recovery;
  /** As they were printed. */
  document?: string;
  log?: CappedLines;
  /** From power-on to the login. */
  seconds?: number;
}

/** @returns why it went no further */
async function tried(
  machine: Machine,
  request: DrillRequest,
  clock: Clock,
  seen: Seen,
  signal: AbortSignal,
): Promise<LifeboatError | undefined> {
  const { limitMs: wholeMs, images: directory, reserveBytes } = request;
  const limits = { wholeMs, serialBytes, images: { directory, reserveBytes }, everyMs: lookMs };
  using watch = watched(machine, limits, signal);
  try {
    await recoverAndLook(machine, request, clock, seen, watch.signal);
    return undefined;
  } catch (error) {
    throwIfAborted(signal);
    // That the machine is gone then is no news.
    if (watch.signal.aborted) return abortError(watch.signal);
    if (!(error instanceof LifeboatError)) throw error;
    return error;
  }
}

async function recoverAndLook(
  machine: Machine,
  request: DrillRequest,
  clock: Clock,
  seen: Seen,
  signal: AbortSignal,
): Promise<void> {
  const { say } = request;
  const rescue = await clock.phase('rescue', async () => await machine.connect(startMs, signal));
  const hasAgent = await recovered(rescue, request, clock, seen, signal);
  say('it is recovered; the channel is closed, and the machine starts from its own disks');
  const from = machine.serial.text().length;
  if (!hasAgent) {
    await clock.phase('boot', async () => {
      await rescue.run(['reboot'], { timeoutMs: startMs }, signal).catch(() => signal.throwIfAborted());
      await machine.serial.waitFor(/\blogin:\s*$/m, startMs, signal, from);
    });
    seen.seconds = clock.spent();
    seen.checks.push({ name: 'login', passed: true, detail: 'the serial line asks who logs in' });
    return;
  }
  await using host = await clock.phase('boot', async () => await rebooted(machine, rescue, startMs, signal));
  const found = (checks: readonly Check[]): void => void seen.checks.push(...checks);
  const looking = async (): Promise<void> => {
    found([await clock.phase('login', async () => await login(host, machine, from, startMs, signal))]);
    seen.seconds = clock.spent();
    say('it has booted, and is looked at');
    await clock.phase('checks', async () => await look(host, request, found, signal), { own: true });
  };
  found(await inOneBoot(host, looking, signal));
}

/** @returns whether the booted system can be looked at */
async function recovered(
  rescue: Host,
  { target, medium, provisions, point, captured, agent, say }: DrillRequest,
  clock: Clock,
  seen: Seen,
  signal: AbortSignal,
): Promise<boolean> {
  // What it started from lay there since.
  await clock.phase('medium', async () => await checkMedium(medium, signal), { own: true });
  const kept: MemoryStore = new Map();
  await using _channel = await clock.phase('channel', async () => {
    await devicesFound(rescue, signal);
    const channel = await openChannel(rescue, overlayOver(target, kept), signal);
    await handOver(rescue, provisions, signal);
    return channel;
  });
  say('its rescue system runs, and recovers it');
  const log = new CappedLines(logBytes);
  seen.log = log;
  const ran = await clock.phase('recover', async () => {
    const listening = {
      onLine: (line: string): void => log.push(line),
      onStep: (title: string): void => say(`  ${printable(title).slice(0, 200)}`),
    };
    const work = async (own: AbortSignal) => await recoverInside(rescue, point.id, listening, own);
    return await whileAnswering(rescue, work, signal);
  });
  seen.document = ran.text;
  if (ran.recovery === undefined) throw new LifeboatError('machine-failed', `the recovery failed: ${ran.problem}`);
  seen.recovery = ran.recovery;
  clock.parts('recover', ran.recovery.phases);
  seen.checks.push(provenCheck(ran.recovery));
  if (ran.code === 1)
    throw new LifeboatError('machine-failed', 'the recovery was not proven: recovery.json says what is wrong');
  return await clock.phase(
    'agent',
    async () => {
      const root = await mountInside(rescue, point.id, signal);
      const isIn = await installAgent(rescue, root, captured.facts.services?.init, agent, signal);
      await rescue.run(['umount', '--recursive', root], { timeoutMs: 600_000 }, signal);
      return isIn;
    },
    { own: true },
  );
}

/** The rescue system's own doing goes on beside its agent. */
async function devicesFound(rescue: Host, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { code } = await rescue.run(['test', '-e', '/run/lifeboat/devices'], { okCodes: [0, 1] }, signal);
    if (code === 0) return;
    await sleep(500, signal);
  }
}

function provenCheck({ proof, result }: Recovery): Check {
  const name = 'proof';
  if (proof === null || proof === undefined)
    return { name, passed: false, detail: `nothing was proven of the recovery (${result})` };
  const { total, checked, wrong } = proof.files;
  const detail = `${total} entries compared with the point, the content of ${checked} files read back; ${wrong} wrong`;
  return { name, passed: result === 'passed' || result === 'sampled', detail };
}
