/** What becomes of those who wait for a machine that ends; with other programs in place of QEMU. Real ones: `test/lab`. */
import { expect, test } from 'vitest';
import { localHost } from '../host/local.ts';
import type { Qemu } from '../qemu/program.ts';
import type { MachineSpec } from '../qemu/spec.ts';
import { startMachine } from './machine.ts';

const { signal } = new AbortController();
const spec: MachineSpec = { name: 'm', memoryMiB: 64, cpus: 1, firmware: { kind: 'bios' }, disks: [], cards: [] };

test('a machine that ends well before it is wanted to says what its console showed', async () => {
  const script = 'for word; do case $word in *logfile=*) echo "Kernel panic" > "${word##*logfile=}" ;; esac; done';
  const qemu: Qemu = { argv: () => ['sh', '-c', script, 'sh'], env: {}, firmware: [] };
  await expect(startMachine(spec, { qemu, accelerator: 'tcg' }, signal)).rejects.toMatchObject({
    code: 'machine-failed',
    message: 'the machine m has ended; the console shows:\nKernel panic',
  });
});

test('a machine that could not start keeps nobody waiting for its sockets', async () => {
  const program = `
    import { startMachine } from ${JSON.stringify(new URL('machine.ts', import.meta.url).href)};
    const options = { qemu: { argv: () => ['false'], env: {}, firmware: [] }, accelerator: 'tcg' };
    const starting = startMachine(${JSON.stringify(spec)}, options, new AbortController().signal);
    await starting.catch((error) => console.log(error.message));`;
  const argv = [process.execPath, '--input-type=module', '--eval', program] as const;
  const { stdout } = await localHost().run(argv, { timeoutMs: 30_000 }, signal);
  expect(stdout.toString()).toMatch(/^the machine m ended with exit code 1/);
});

test('in the background it takes only what nobody else wants', async () => {
  const script = 'for word; do case $word in *logfile=*) { nice; ionice; } > "${word##*logfile=}" ;; esac; done';
  const qemu: Qemu = { argv: () => ['sh', '-c', script, 'sh'], env: {}, firmware: [] };
  const starting = startMachine(spec, { qemu, accelerator: 'tcg', inBackground: true }, signal);
  await expect(starting).rejects.toMatchObject({ message: expect.stringMatching(/^ *19\nidle$/m) });
});
