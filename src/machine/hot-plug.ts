/** Disks that come and go while a machine runs. */
import { LifeboatError } from '../kernel/errors.ts';
import { limited, raceAbort } from '../kernel/wait.ts';
import { deviceName, diskDevices, hotPlugSlots, nodeName } from '../qemu/command-line.ts';
import type { Qmp } from '../qemu/qmp.ts';
import type { Disk } from '../qemu/spec.ts';

/** How long a guest may take to let go of a card, on a machine that is very busy. */
const unplugLimitMs = 60_000;

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
    if (slot !== undefined) this.#free.delete(slot);
    try {
      await this.#qmp.execute('blockdev-add', node, signal);
      await this.#plug(slot === undefined ? device : { ...device, bus: slot }, disk.serial, signal);
    } catch (error) {
      if (slot !== undefined) this.#free.add(slot);
      throw error;
    }
    if (slot !== undefined) this.#taken.set(disk.serial, slot);
  }

  /** The device of an image that was added; without it the image is taken back. */
  async #plug(device: object, serial: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#qmp.execute('device_add', device, signal);
    } catch (error) {
      const args = { 'node-name': nodeName(serial) };
      // What failed first is what to tell.
      await this.#qmp.execute('blockdev-del', args, new AbortController().signal).catch(() => undefined);
      throw error;
    }
  }

  /** @throws LifeboatError `machine-timeout` where the guest does not let go of it */
  async remove(serial: string, signal: AbortSignal): Promise<void> {
    const id = deviceName(serial);
    const deleted = Promise.withResolvers<void>();
    const tooLong = () => new LifeboatError('machine-timeout', `disk ${serial}: the guest does not let go of it`);
    using limit = limited(signal, unplugLimitMs, tooLong);
    const stop = this.#qmp.onEvent(({ name, data }) => {
      if (name === 'DEVICE_DELETED' && data['device'] === id) deleted.resolve();
    });
    try {
      await this.#qmp.execute('device_del', { id }, signal);
      await raceAbort(deleted.promise, limit.signal);
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
