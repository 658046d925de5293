/** Whether a medium starts: it is started in a virtual machine, until its menu answers and the rescue system has found itself to be in order. */
import { hash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { formatDuration } from '../kernel/units.ts';
import { limited } from '../kernel/wait.ts';
import { type Machine, startMachine } from '../machine/machine.ts';
import type { Qemu } from '../qemu/program.ts';
import type { Accelerator } from '../qemu/spec.ts';
import { bootMachine, type BootPlace } from './boot-machine.ts';
import { type Medium, mediumSchema } from './medium.ts';

export interface BootRequest extends BootPlace {
  /** Of all that is waited for. */
  readonly limitMs: number;
  /** Directory for the log of the serial line and the picture of the screen. */
  readonly output: string;
}

const selfCheckSchema = z.object({
  format: z.literal('lifeboat.self-check/1'),
  firmware: z.enum(['bios', 'uefi', 'secure']),
  checks: z.array(z.object({ name: z.string(), passed: z.boolean(), detail: z.string() })),
});

type SelfCheck = z.output<typeof selfCheckSchema>;

export interface Spent {
  readonly seconds: number;
  /** Of the whole virtual machine. */
  readonly cpuSeconds: number;
}

export interface BootResult {
  readonly passed: boolean;
  /** Why it did not pass, with what the serial line showed last. */
  readonly problem?: string;
  readonly accelerator: Accelerator;
  /** Whether its kernel ran: where not, it may be the fault of the accelerator. */
  readonly started: boolean;
  /** From switching on to the menu; absent where that did not come. */
  readonly menu?: Spent;
  readonly total: Spent;
  /** What the rescue system says of itself; absent where it did not come so far. */
  readonly inside?: Inside;
}

export interface Inside {
  readonly medium: Medium;
  /** Of all that the medium consists of. */
  readonly digest: string;
  readonly checks: SelfCheck['checks'];
}

/** The first words of the first process. */
const spoken = /lifeboat: looking for/;
/** What the menu asks; what is typed there is shown. */
const prompt = /Number, or arrow keys/;

/** What is printed when nothing will come any more. */
const failures: readonly RegExp[] = [
  /lifeboat: ([^\n]*)\n+lifeboat: Here is a shell/,
  /(Kernel panic[^\n]*)/,
  /(error: [^\n]*)\n[^]*you need to load the kernel first/,
  /([^\n]*)\n+grub rescue>/,
  /(BdsDxe: failed to load [^\n]*Access Denied)/i,
  /(BdsDxe: No bootable option[^\n]*)/,
];

/** What an emulated kernel says that was given no time to run in, and of which the medium is innocent. */
const starved = /IO-APIC \+ timer doesn't work/;
/** Attempts in all at starting a machine that was starved. */
const attempts = 3;

/** How long something may take that is a matter of a moment. */
const momentMs = 120_000;
/** Within this a kernel has started that runs on the processor itself. */
const startMs = 90_000;

/**
 * A medium that does not start is a result; what keeps a machine from being started at all is an error.
 *
 * @throws LifeboatError `tool-missing`, `machine-failed` where QEMU does not start
 */
export async function testBoot(request: BootRequest, emulation: Emulation, signal: AbortSignal): Promise<BootResult> {
  for (let attempt = 1; ; attempt += 1) {
    const result = await bootOnce(request, emulation, signal);
    if (attempt === attempts || !starved.test(result.problem ?? '')) return result;
  }
}

interface Emulation {
  readonly qemu: Qemu;
  readonly accelerator: Accelerator;
}

async function bootOnce(request: BootRequest, emulation: Emulation, signal: AbortSignal): Promise<BootResult> {
  const { output, limitMs } = request;
  const { qemu, accelerator } = emulation;
  await mkdir(output, { recursive: true });
  await using stack = new AsyncDisposableStack();
  const work = stack.adopt(await mkdtemp(join(tmpdir(), 'lifeboat-boot-')), async (path) => {
    await rm(path, { recursive: true, force: true });
  });
  const machine = stack.use(await startMachine(await bootMachine(request, qemu, work, signal), emulation, signal));
  const late = () => notStarted(machine, `it took longer than ${formatDuration(limitMs)}`);
  using limit = limited(signal, limitMs, late);
  const result: { problem?: string; menu?: Spent; inside?: Inside } = {};
  try {
    if (accelerator === 'kvm') await shown(machine, spoken, startMs, limit.signal);
    await shown(machine, prompt, limitMs, limit.signal);
    result.menu = spentBy(machine);
    await tryMenu(machine, limit.signal);
    result.inside = await lookInside(machine, request, limit.signal);
    const wrong = result.inside.checks.filter(({ passed }) => !passed);
    if (wrong.length > 0) result.problem = wrong.map(({ name, detail }) => `${name}: ${detail}`).join('\n');
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof LifeboatError)) throw error;
    result.problem = error.message;
  }
  await keep(machine, output);
  const started = spoken.test(machine.serial.text());
  return { passed: result.problem === undefined, accelerator, started, total: spentBy(machine), ...present(result) };
}

/** Waits until the serial line shows it. @throws LifeboatError `machine-failed` as soon as it never will, `machine-timeout` */
async function shown(machine: Machine, wanted: RegExp, limitMs: number, signal: AbortSignal): Promise<void> {
  using limit = limited(signal, limitMs, () => notStarted(machine, `nothing came in ${formatDuration(limitMs)}`));
  const any = new RegExp([wanted, ...failures].map(({ source }) => source).join('|'), 'i');
  await machine.serial.waitFor(any, 2 * limitMs, limit.signal);
  const text = machine.serial.text();
  for (const failure of failures) {
    const [, why] = failure.exec(text) ?? [];
    if (why !== undefined) throw notStarted(machine, why.trim());
  }
}

/** What is typed is heard: a number is shown, and taken back. */
async function tryMenu(machine: Machine, signal: AbortSignal): Promise<void> {
  const from = machine.serial.text().length;
  await machine.serial.type('42', signal);
  await machine.serial.waitFor(/42/, momentMs, signal, from);
  await machine.serial.type('\x7f\x7f', signal);
}

async function lookInside(machine: Machine, { firmware }: BootPlace, signal: AbortSignal): Promise<Inside> {
  await using host = await machine.connect(momentMs, signal);
  const read = async (path: string): Promise<string> => (await host.read(path, {}, signal)).toString();
  const medium = mediumSchema.parse(JSON.parse(await read('/etc/lifeboat/medium.json')));
  const argv = ['lifeboat', '--json', 'rescue', 'check'] as const;
  const { stdout, stderr } = await host.run(argv, { okCodes: [0, 1], timeoutMs: 1_800_000 }, signal);
  const said = selfCheckSchema.safeParse(parsed(stdout.toString()));
  if (!said.success) throw notStarted(machine, `it cannot check itself: ${stderr.trim()}${stdout.toString().trim()}`);
  const { firmware: found, checks } = said.data;
  const asAsked = { name: 'firmware', passed: found === firmware, detail: found };
  return { medium, digest: hash('sha256', await read('/run/lifeboat/SHA256SUMS')), checks: [asAsked, ...checks] };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notStarted({ serial }: Machine, why: string): LifeboatError {
  return new LifeboatError('machine-failed', `${why}; the serial line shows:\n${serial.lastLines(15)}`);
}

function spentBy(machine: Machine): Spent {
  const { wallSeconds, cpuSeconds } = machine.usage();
  return { seconds: Math.round(wallSeconds * 10) / 10, cpuSeconds: Math.round(cpuSeconds * 10) / 10 };
}

/** What can be looked at afterwards. A machine that has ended shows no screen. */
async function keep(machine: Machine, output: string): Promise<void> {
  await writeFile(join(output, 'serial.log'), machine.serial.text());
  const screen = join(output, 'screen.png');
  await rm(screen, { force: true });
  await machine.screenshot(screen, AbortSignal.timeout(momentMs)).catch(() => undefined);
}
