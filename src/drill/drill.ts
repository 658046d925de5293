/** A host recovered from a point in a machine that reaches nothing, booted, and looked at. */
import { hash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { captureFacts } from '../facts/capture.ts';
import { parseFacts } from '../facts/types.ts';
import type { Host } from '../host/host.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { sleep } from '../kernel/wait.ts';
import { type Machine, startMachine } from '../machine/machine.ts';
import type { Qemu } from '../qemu/program.ts';
import type { Accelerator } from '../qemu/spec.ts';
import type { MemoryStore } from '../target/memory/memory.ts';
import type { Target } from '../target/target.ts';
import { overlayOver } from '../target/wrap/overlay.ts';
import { installAgent } from './agent.ts';
import { login, rebooted, systemState } from './booted.ts';
import { builtMachine } from './build.ts';
import { openChannel } from './channel.ts';
import { Clock } from './clock.ts';
import { comparedFacts } from './compare.ts';
import { canary, carryOut, type WantedCheck } from './inside.ts';
import { isolation } from './isolation.ts';
import { type Captured, drillMachine, type DrillMachine, type Room } from './machine.ts';
import { handOver, mountInside, type Provisions, recoverInside, type Recovery } from './recovery.ts';
import { type Check, DRILL_FORMAT, type DrillReport } from './report.ts';

export interface DrillRequest {
  readonly host: string;
  readonly point: { readonly id: string; readonly createdAt: string };
  readonly captured: Captured;
  /** Opened; nothing of it is changed. */
  readonly target: Target;
  readonly medium: { readonly file: string; readonly id: string; readonly digest: string; readonly kernel: string };
  readonly provisions: Provisions;
  readonly room: Room;
  /** The file that the backup wrote; absent in points without one. */
  readonly canary?: string;
  readonly checks: readonly WantedCheck[];
  /** Units that fail in a machine that reaches nothing, and may. */
  readonly mayFail: readonly string[];
  /** Directory for images, which are gone afterwards unless they are kept. */
  readonly images: string;
  /** Directory for what is kept. */
  readonly evidence: string;
  /** The program by which the booted machine is looked at. */
  readonly agent: string;
  readonly version: string;
  readonly say: (text: string) => void;
}

interface Emulation {
  readonly qemu: Qemu;
  readonly accelerator: Accelerator;
}

/** Longer than anything starts on a busy machine that emulates another. */
const startMs = 1_800_000;
/** For services that start late. */
const settleMs = 180_000;

/**
 * A recovery or a machine that fails is a result.
 *
 * @throws LifeboatError where there is no machine to try it in: `unsupported`, `tool-missing`, `no-space`, `interrupted`
 */
export async function drill(request: DrillRequest, emulation: Emulation, signal: AbortSignal): Promise<DrillReport> {
  const { captured, room, images, evidence, medium, point, say } = request;
  const like = drillMachine(captured, room);
  await mkdir(evidence, { recursive: true });
  await mkdir(images, { recursive: true });
  const spec = await builtMachine(like, captured.layout, medium.file, images, emulation.qemu, signal);
  const at = new Date();
  say(`a machine like ${request.host} is started by ${like.firmware}, with ${like.disks.length} blank disks`);
  const clock = new Clock();
  const seen: Seen = { checks: [] };
  await using machine = await startMachine(spec, emulation, signal);
  let problem: string | undefined;
  try {
    await recoverAndLook(machine, request, clock, seen, signal);
    const wrong = seen.checks.filter(({ passed }) => !passed);
    if (wrong.length > 0) problem = wrong.map(({ name, detail }) => `${name}: ${detail}`).join('\n');
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof LifeboatError)) throw error;
    problem = error.message;
  }
  const files = await keep(machine, seen, evidence);
  const { recovery } = seen;
  const result = problem !== undefined ? 'failed' : recovery?.result === 'sampled' ? 'sampled' : 'passed';
  return {
    format: DRILL_FORMAT,
    what: 'machine',
    host: request.host,
    point: point.id,
    pointMadeAt: point.createdAt,
    repository: request.target.url,
    version: request.version,
    at: at.toISOString(),
    result,
    ...present({ problem }),
    seconds: seen.seconds ?? clock.spent(),
    rpoSeconds: Math.max(0, Math.round((at.getTime() - Date.parse(point.createdAt)) / 1000)),
    phases: clock.phases.toSorted((a, b) => a.from - b.from || (a.within === undefined ? -1 : 1)),
    medium: { id: medium.id, digest: medium.digest, kernel: medium.kernel },
    machine: machineReport(like, emulation.accelerator, machine),
    ...(recovery === undefined ? {} : { recovery: recoveryReport(recovery) }),
    checks: [...seen.checks],
    evidence: files,
  };
}

/** What is known so far, for the report of a drill that fails. */
interface Seen {
  readonly checks: Check[];
  recovery?: Recovery;
  /** As they were printed. */
  document?: string;
  log?: string[];
  /** From power-on to the login. */
  seconds?: number;
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
    seen.checks.push({
      name: 'login',
      passed: true,
      detail: 'the serial line asks who logs in; nothing else was looked at',
    });
    return;
  }
  await using host = await clock.phase('boot', async () => {
    const answering = await rebooted(machine, rescue, startMs, signal);
    seen.checks.push(await login(answering, machine, from, startMs, signal));
    return answering;
  });
  seen.seconds = clock.spent();
  say('it has booted, and is looked at');
  await clock.phase('checks', async () => await look(host, request, seen, signal), { own: true });
}

/** @returns whether the booted system can be looked at */
async function recovered(
  rescue: Host,
  { target, provisions, point, captured, agent, say }: DrillRequest,
  clock: Clock,
  seen: Seen,
  signal: AbortSignal,
): Promise<boolean> {
  const kept: MemoryStore = new Map();
  await using _channel = await clock.phase('channel', async () => {
    await devicesFound(rescue, signal);
    const channel = await openChannel(rescue, overlayOver(target, kept), signal);
    await handOver(rescue, provisions, signal);
    return channel;
  });
  say('its rescue system runs, and recovers it');
  const log: string[] = [];
  seen.log = log;
  const ran = await clock.phase('recover', async () => {
    const onLine = (line: string): void => void log.push(line);
    return await recoverInside(rescue, point.id, { onLine, onStep: (title) => say(`  ${title}`) }, signal);
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

async function look(host: Host, request: DrillRequest, { checks }: Seen, signal: AbortSignal): Promise<void> {
  const { captured, mayFail, point } = request;
  checks.push(...(await systemState(host, startMs, signal)));
  checks.push(...(await settled(host, captured, mayFail, signal)));
  if (request.canary !== undefined) checks.push(await canary(host, request.canary, point.id, signal));
  checks.push(await isolation(host, signal));
  for (const wanted of request.checks) checks.push(await carryOut(host, wanted, signal));
}

/** Looks again for a while, until what starts late has started. */
async function settled(
  host: Host,
  { facts }: Captured,
  mayFail: readonly string[],
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const until = performance.now() + settleMs;
  for (;;) {
    const now = parseFacts(await captureFacts(host, new Date(), signal));
    const checks = comparedFacts(facts, now, mayFail);
    if (checks.every(({ passed }) => passed) || performance.now() >= until) return checks;
    await sleep(10_000, signal);
  }
}

function recoveryReport({ plan, result, proof }: Recovery): NonNullable<DrillReport['recovery']> {
  if (proof === null || proof === undefined) return { result, ...present({ plan }) };
  const { files, graph, boot, mounts } = proof;
  const { total: entries, checked, bytes, wrong, leftOut } = files;
  const counts = {
    entries,
    files: checked,
    bytes,
    wrong,
    graph: graph.length,
    boot: boot.length,
    mounts: mounts.length,
    ...(leftOut === 0 ? {} : { leftOut }),
  };
  return { result, ...present({ plan }), proof: counts };
}

function machineReport(
  { firmware, memoryMiB, cpus, disks, cards, notes }: DrillMachine,
  accelerator: Accelerator,
  machine: Machine,
): NonNullable<DrillReport['machine']> {
  return {
    firmware,
    accelerator,
    memoryMiB,
    cpus,
    disks: disks.map(({ of, serial, bus, sizeBytes, sectorSize = 512 }) => ({
      of,
      serial,
      bus,
      sizeBytes,
      sectorSize,
    })),
    cards: cards.map(({ mac, model = 'virtio' }) => ({ model, ...present({ mac }) })),
    notes: [...notes],
    cpuSeconds: Math.round(machine.usage().cpuSeconds * 10) / 10,
  };
}

/** @returns digests of what can be looked at afterwards */
async function keep(machine: Machine, { document, log }: Seen, evidence: string): Promise<Record<string, string>> {
  const screen = join(evidence, 'screen.png');
  await rm(screen, { force: true });
  await writeFile(join(evidence, 'serial.log'), machine.serial.text());
  if (document !== undefined) await writeFile(join(evidence, 'recovery.json'), document);
  if (log !== undefined) await writeFile(join(evidence, 'recovery.log'), log.map((line) => `${line}\n`).join(''));
  // A machine that has ended shows no screen.
  await machine.screenshot(screen, AbortSignal.timeout(60_000)).catch(() => undefined);
  const digests: Record<string, string> = {};
  for (const name of ['serial.log', 'screen.png', 'recovery.json', 'recovery.log']) {
    const bytes = await readFile(join(evidence, name)).catch((error: unknown) => {
      if (asLifeboatError(error).code === 'not-found') return undefined;
      throw error;
    });
    if (bytes !== undefined) digests[name] = hash('sha256', bytes);
  }
  return digests;
}
