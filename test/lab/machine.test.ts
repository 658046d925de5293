/** What a virtual machine owes those who start one. */
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { localHost } from '../../src/host/local.ts';
import { hasErrno } from '../../src/kernel/errors.ts';
import { startMachine } from '../../src/machine/machine.ts';
import { imagesOf } from '../../src/qemu/image.ts';
import { uefiFirmware, unpackedQemu } from '../../src/qemu/program.ts';
import { buses, type MachineSpec } from '../../src/qemu/spec.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { startLab } from './lab.ts';
import { labQemu } from './qemu.ts';

const { signal } = new AbortController();
const MIB = 1024 ** 2;
const bare = { memoryMiB: 128, cpus: 1, firmware: { kind: 'bios' }, disks: [], cards: [] } as const;

test('disks of every bus are found by their serial numbers, also those with sectors of 4096 bytes', async () => {
  const disks = buses.map((bus) => ({ serial: `disk-${bus}`, bytes: 64 * MIB, bus }));
  const large = { serial: 'large-sectors', bytes: 3 * 1024 ** 4, bus: 'nvme', sectorSize: 4096 } as const;
  const second = { serial: 'second-sata', bytes: 64 * MIB, bus: 'sata' } as const;
  const named = { serial: 'named', bytes: 64 * MIB, bus: 'scsi', wwn: '5000c50015ea71aa' } as const;
  await using lab = await startLab({ disks: [...disks, large, second, named] }, signal);
  const argv = ['lsblk', '-dbnro', 'NAME,SIZE,LOG-SEC,TRAN,WWN'] as const;
  const said = (await lab.host.run(argv, {}, signal)).stdout.toString();
  const lineOf = (serial: string) =>
    said.split('\n').find((line) => line.startsWith(`${lab.devices.get(serial)?.slice('/dev/'.length)} `));
  for (const { serial } of disks) expect(lineOf(serial), serial).toContain(` ${64 * MIB} 512`);
  expect(lineOf('large-sectors')).toContain(` ${large.bytes} 4096 nvme`);
  expect(lineOf('disk-usb')).toContain('usb');
  for (const serial of ['disk-sata', 'second-sata']) expect(lineOf(serial)).toContain('sata');
  expect(lineOf('named')).toContain(' 0x5000c50015ea71aa');
});

test('machines that have gone on from one state are hosts of their own, and know what time it is', async () => {
  const known = async () => {
    await using lab = await startLab({}, signal);
    const argv = ['sh', '-c', 'cat /etc/machine-id; date +%s'] as const;
    const [id = '', time] = (await lab.host.run(argv, {}, signal)).stdout.toString().split('\n');
    expect(Math.abs(Number(time) - Date.now() / 1_000)).toBeLessThan(60);
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    return id;
  };
  const [first, second] = await Promise.all([known(), known()]);
  expect(first).not.toBe(second);
});

test('a disk can be pulled out and put in while the machine runs', async () => {
  await using lab = await startLab({ disks: [{ serial: 'A', bytes: 64 * MIB, bus: 'virtio' }] }, signal);
  const names = async () =>
    (await lab.host.run(['lsblk', '-dnro', 'SERIAL'], { okCodes: [0, 1, 32] }, signal)).stdout.toString();
  expect(await names()).toContain('A');
  await lab.machine.removeDisk('A', signal);
  expect(await names()).not.toContain('A');
});

test('a watchdog says what the console showed last, and what the machine has taken', async () => {
  await using machine = await startMachine({ ...bare, name: 'silent' }, await tcg(), signal);
  await expect(machine.connect(300, signal)).rejects.toMatchObject({
    code: 'machine-timeout',
    message: expect.stringMatching(/silent: its agent does not answer after .* CPU s\); the console shows:/),
  });
  await expect(machine.serial.waitFor(/never/, 200, signal)).rejects.toMatchObject({ code: 'machine-timeout' });
  await expect(machine.ended(200, signal)).rejects.toMatchObject({ code: 'machine-timeout' });
});

test('a machine that cannot start says why, in the words of QEMU', async () => {
  const disks = [{ file: '/nowhere/a.qcow2', format: 'qcow2', serial: 'A', bus: 'scsi' }] as const;
  await expect(startMachine({ ...bare, name: 'broken', disks }, await tcg(), signal)).rejects.toMatchObject({
    code: 'machine-failed',
    message: expect.stringMatching(/broken ended with exit code 1[^]*\/nowhere\/a\.qcow2/),
  });
});

test('the end of the scope is the end of the process', async () => {
  let pid = '';
  {
    await using machine = await startMachine({ ...bare, name: 'short-lived' }, await tcg(), signal);
    pid = processesWith('short-lived').join(' ');
    expect(pid).toMatch(/^\d+$/);
    expect(machine.usage().cpuSeconds).toBeGreaterThanOrEqual(0);
  }
  await expect(readFile(`/proc/${pid}/stat`)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('the firmware shows itself on the screen, with and without Secure Boot', async () => {
  await using place = await temporaryDirectory();
  const options = await tcg();
  for (const secureBoot of [false, true]) {
    const { code, variables: template } = await uefiFirmware(options.qemu, secureBoot);
    const variables = join(place.path, `${secureBoot}.qcow2`);
    await imagesOf(options.qemu, localHost()).convert(variables, { file: template, format: 'raw' }, signal);
    const firmware = { kind: 'uefi', code, variables, secureBoot } as const;
    const spec: MachineSpec = { ...bare, memoryMiB: 256, name: 'uefi', firmware, screen: true };
    await using machine = await startMachine(spec, options, signal);
    // OVMF also writes to the serial console once it looks for something to boot.
    await machine.serial.waitFor(/BdsDxe/, 100_000, signal);
    const picture = join(place.path, 'screen.png');
    await machine.screenshot(picture, signal);
    expect((await readFile(picture)).subarray(1, 4).toString()).toBe('PNG');
  }
});

test('what is typed on the console reaches the shell there, and the power button ends the machine', async () => {
  await using lab = await startLab({}, signal);
  await lab.machine.serial.type('echo typed-$((40 + 2))\n', signal);
  await lab.machine.serial.waitFor(/typed-42/, 60_000, signal);
  await lab.machine.powerOff(60_000, signal);
  await expect(lab.machine.serial.waitFor(/never/, 600_000, signal)).rejects.toMatchObject({ code: 'machine-failed' });
  expect((await lab.machine.serial.waitFor(/typed-42/, 60_000, signal))[0]).toBe('typed-42');
  const { cpuSeconds, wallSeconds } = lab.machine.usage();
  expect(cpuSeconds).toBeGreaterThan(0);
  expect(wallSeconds).toBeGreaterThan(0);
  await expect(lab.host.run(['true'], {}, signal)).rejects.toMatchObject({ code: 'unreachable' });
});

async function tcg() {
  return { qemu: unpackedQemu(await labQemu()), accelerator: 'tcg' } as const;
}

/** Ids of processes with this argument. */
function processesWith(argument: string): string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').includes(argument);
    } catch (error) {
      // Gone meanwhile.
      if (hasErrno(error, 'ENOENT') || hasErrno(error, 'ESRCH')) return false;
      throw error;
    }
  });
}
