/**
 * `npm run lab -- [--release RELEASE] [--memory MIB] [--cpus N] STACK | DISK…`: a machine with a shell, in this terminal.
 *
 * STACK is a file of `stacks/`; DISK is `SERIAL=SIZE[:BUS[:SECTOR]]`.
 */
import { parseArgs } from 'node:util';
import { connectWhenThere } from '../../src/qemu/socket.ts';
import { releases } from './builder.ts';
import { type Lab, startLab } from './lab.ts';
import { makeStack, parseDisk, readStack, stackNames } from './stack.ts';

/** Ctrl-], which nothing on a console needs. */
const leave = 0x1d;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    release: { type: 'string', default: 'debian12' },
    memory: { type: 'string', default: '1024' },
    cpus: { type: 'string', default: '1' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help || positionals.length === 0) {
  console.log(`usage: npm run lab -- [--release ${releases.join('|')}] [--memory MIB] [--cpus N] STACK | DISK…

DISK is SERIAL=SIZE[:BUS[:SECTOR]], such as A=512M, B=3T:nvme, C=1G:scsi:4096
STACK is one of: ${stackNames.join(', ')}`);
} else {
  await main();
}

async function main(): Promise<void> {
  const release = releases.find((one) => one === values.release);
  if (release === undefined) throw new Error(`no release ${values.release}; there are: ${releases.join(', ')}`);
  const [first = ''] = positionals;
  const stack = positionals.length === 1 && !first.includes('=') ? readStack(first) : undefined;
  const disks = stack?.disks ?? positionals.map(parseDisk);
  const controller = new AbortController();
  process.once('SIGTERM', () => controller.abort());
  console.log('starting (the first time, packages are fetched and the machine boots) …');
  const sizes = { memoryMiB: Number(values.memory), cpus: Number(values.cpus) };
  await using lab = await startLab({ release, disks, ...sizes }, controller.signal);
  if (stack !== undefined) {
    console.log(`making the stack ${stack.name} …`);
    await makeStack(stack, lab, controller.signal);
  }
  for (const [serial, device] of lab.devices) if (serial !== '') console.log(`disk ${serial} is ${device}`);
  console.log('a shell, as root; Ctrl-] ends the machine');
  await shell(lab, controller.signal);
}

/** The terminal and the serial console are one until somebody leaves or the machine ends. */
async function shell({ machine }: Lab, signal: AbortSignal): Promise<void> {
  const socket = await connectWhenThere(machine.serial.socket, signal);
  const left = Promise.withResolvers<void>();
  socket.on('error', () => undefined).on('close', left.resolve);
  socket.pipe(process.stdout, { end: false });
  socket.write('\n');
  if (process.stdin.isTTY) process.stdin.setRawMode(true);
  process.stdin.on('data', (typed: Buffer) => {
    if (typed.includes(leave)) left.resolve();
    else socket.write(typed);
  });
  // Without a terminal, what is piped in is carried out; then the machine ends by the script's own "poweroff".
  signal.addEventListener('abort', () => left.resolve(), { once: true });
  await left.promise;
  if (process.stdin.isTTY) process.stdin.setRawMode(false);
  process.stdin.destroy();
  socket.destroy();
}
