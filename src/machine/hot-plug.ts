/** Disks that come and go while a machine runs. */
import { LifeboatError } from '../kernel/errors.ts';
import { raceAbort } from '../kernel/wait.ts';
import { deviceName, diskDevices, hotPlugSlots, nodeName } from '../qemu/command-line.ts';
import type { Qmp } from '../qemu/qmp.ts';
import type { Disk } from '../qemu/spec.ts';

/** The places of one machine into which disks can be put, and what is in them. */
export class HotPlug {
  readonly #qmp: Qmp;
  readonly #free = new Set(hotPlugSlots);
  readonly #taken = new Map<string, string>();

  constructor(qmp: Qmp) {
    this.#qmp = qmp;
  }

  /** @throws LifeboatError `unsupported` where there is no place left, or none for its bus */
  async add(disk: Disk, signal: AbortSignal): Promise<void> {
    const { node, device } = diskDevices(disk);
    const slot = this.#slotFor(disk);
    await this.#qmp.execute('blockdev-add', node, signal);
    await this.#qmp.execute('device_add', slot === undefined ? device : { ...device, bus: slot }, signal);
    if (slot === undefined) return;
    this.#free.delete(slot);
    this.#taken.set(disk.serial, slot);
  }

  async remove(serial: string, signal: AbortSignal): Promise<void> {
    const id = deviceName(serial);
    const deleted = Promise.withResolvers<void>();
    const stop = this.#qmp.onEvent(({ name, data }) => {
      if (name === 'DEVICE_DELETED' && data['device'] === id) deleted.resolve();
    });
    try {
      await this.#qmp.execute('device_del', { id }, signal);
      await raceAbort(deleted.promise, signal);
    } finally {
      stop();
    }
    await this.#qmp.execute('blockdev-del', { 'node-name': nodeName(serial) }, signal);
    const slot = this.#taken.get(serial);
    if (slot === undefined) return;
    this.#taken.delete(serial);
    this.#free.add(slot);
  }

  /** Controllers that are cards need a slot; disks of SCSI and USB hang on a controller that is there. */
  #slotFor({ serial, bus }: Disk): string | undefined {
    if (bus === 'scsi' || bus === 'usb') return undefined;
    if (bus === 'sata')
      throw new LifeboatError('unsupported', `disk ${serial}: sata disks have to be there from the start`);
    const [slot] = this.#free;
    if (slot === undefined) throw new LifeboatError('unsupported', `disk ${serial}: no free slot for another disk`);
    return slot;
  }
}
