/**
 * `npm run lab -- [--release RELEASE] [--memory MIB] [--cpus N] STACK | DISK…`: a machine with a shell, in this terminal.
 * `npm run lab -- --system FIRMWARE …`: a whole system that has booted from a disk of its own.
 *
 * STACK is a file of `stacks/`; DISK is `SERIAL=SIZE[:BUS[:SECTOR]]`.
 */
import { constants } from 'node:os';
import { parseArgs } from 'node:util';
import { errorRecord, LifeboatError } from '../../src/kernel/errors.ts';
import { connectWhenThere } from '../../src/qemu/socket.ts';
import { releases } from './builder.ts';
import { type Lab, type LabOptions, startLab } from './lab.ts';
import { makeStack, parseDisk, readStack, type Stack, stackNames } from './stack.ts';
import { firmwares, startSystem, type SystemFirmware } from './system.ts';

/** Ctrl-], which nothing on a console needs. */
const leave = 0x1d;

const help = `usage: npm run lab -- [--release ${releases.join('|')}] [--memory MIB] [--cpus N] STACK | DISK…
       npm run lab -- --system ${firmwares.join('|')} [the same] [DISK…]

DISK is SERIAL=SIZE[:BUS[:SECTOR]], such as A=512M, B=3T:nvme, C=1G:scsi:4096
STACK is one of: ${stackNames.join(', ')}`;

interface Wanted {
  readonly options: LabOptions;
  /** A system in place of the builder's machine. */
  readonly firmware?: SystemFirmware;
  readonly stack?: Stack;
}

process.exitCode = await main();

async function main(): Promise<number> {
  let wanted: Wanted | undefined;
  try {
    wanted = readArguments();
  } catch (error) {
    complain(error);
    console.error('lab: see npm run lab -- --help');
    return 2;
  }
  if (wanted === undefined) {
    console.log(help);
    return 0;
  }
  const controller = new AbortController();
  let status = 0;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // The second one ends us at once.
    process.once(name, () => {
      status = 128 + constants.signals[name];
      console.error('lab: ending …');
      controller.abort();
    });
  }
  try {
    await session(wanted, controller.signal);
  } catch (error) {
    if (status !== 0) return status;
    complain(error);
    return 1;
  }
  return status;
}

/**
 * @returns `undefined` where somebody asks for help
 * @throws Error for what makes no sense
 */
function readArguments(): Wanted | undefined {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      release: { type: 'string', default: 'debian12' },
      memory: { type: 'string', default: '1024' },
      cpus: { type: 'string', default: '1' },
      system: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const release = releases.find((one) => one === values.release);
  if (release === undefined) throw new Error(`no release ${values.release}; there are: ${releases.join(', ')}`);
  const sizes = { memoryMiB: numberOf('--memory', values.memory), cpus: numberOf('--cpus', values.cpus) };
  const firmware = firmwares.find((one) => one === values.system);
  if (values.system !== undefined && firmware === undefined)
    throw new Error(`no system with ${values.system}; there are: ${firmwares.join(', ')}`);
  const [first] = positionals;
  if (first === undefined && firmware !== undefined) return { options: { release, ...sizes }, firmware };
  if (first === undefined) throw new Error('which disks, or which stack?');
  if (firmware === undefined && positionals.length === 1 && !first.includes('=')) {
    const stack = readStack(first);
    return {
      options: { release, ...sizes, disks: stack.disks, memoryMiB: Math.max(sizes.memoryMiB, stack.memoryMiB ?? 0) },
      stack,
    };
  }
  const disks = positionals.map(parseDisk);
  const twice = disks.find(({ serial }, index) => disks.findIndex((other) => other.serial === serial) < index);
  if (twice !== undefined) throw new Error(`two disks with the serial number ${twice.serial}`);
  const options = { release, ...sizes, disks };
  return firmware === undefined ? { options } : { options, firmware };
}

function numberOf(option: string, text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Error(`${option} takes a number, not ${text}`);
  return Number(text);
}

/** What failed, why, and what can be done. */
function complain(error: unknown): void {
  const { message, causes = [] } = errorRecord(error);
  const hints = error instanceof LifeboatError && error.hint !== undefined ? [error.hint] : [];
  for (const line of new Set([message, ...causes, ...hints])) console.error(`lab: ${line}`);
}

async function session({ options, firmware, stack }: Wanted, signal: AbortSignal): Promise<void> {
  console.log('starting (the first time, packages are fetched and the machine boots) …');
  await using lab = await (firmware === undefined
    ? startLab(options, signal)
    : startSystem({ ...options, firmware }, signal));
  if (stack !== undefined) {
    console.log(`making the stack ${stack.name} …`);
    await makeStack(stack, lab, signal);
  }
  for (const [serial, device] of lab.devices) if (serial !== '') console.log(`disk ${serial} is ${device}`);
  console.log('a shell, as root; Ctrl-] ends the machine');
  await shell(lab, signal);
}

/** The terminal and the serial console are one until somebody leaves or the machine ends. */
async function shell({ machine }: Lab, signal: AbortSignal): Promise<void> {
  const { stdin, stdout } = process;
  const socket = await connectWhenThere(machine.serial.socket, signal);
  const left = Promise.withResolvers<void>();
  for (const stream of [socket, stdin, stdout]) stream.on('error', () => left.resolve());
  signal.addEventListener('abort', () => left.resolve(), { once: true });
  if (signal.aborted) left.resolve();
  socket.on('close', left.resolve);
  socket.pipe(stdout, { end: false });
  socket.write('\n');
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on('data', (typed: Buffer) => {
    if (typed.includes(leave)) left.resolve();
    else socket.write(typed);
  });
  // What is piped in is carried out; then the machine ends.
  stdin.on('end', () => socket.write('\npoweroff\n'));
  try {
    await left.promise;
  } finally {
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.destroy();
    socket.destroy();
  }
}
