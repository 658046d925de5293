/** The command line of QEMU for a machine; pure. */
import { LifeboatError } from '../kernel/errors.ts';
import { qemuJson } from './json.ts';
import type { Accelerator, Disk, Firmware, MachineSpec, Network, NetworkCard } from './spec.ts';

/** Files and sockets of one running machine. */
export interface RunFiles {
  readonly qmp: string;
  readonly serial: string;
  readonly serialLog: string;
  readonly agent: string;
  readonly pid: string;
}

/** The name of the virtio port behind which the guest's agent listens. */
export const AGENT_PORT = 'org.lifeboat.agent';

/** Slots into which cards can be put while the machine runs. */
export const hotPlugSlots: readonly string[] = ['slot1', 'slot2', 'slot3', 'slot4', 'slot5', 'slot6', 'slot7', 'slot8'];

export interface StartOptions {
  readonly accelerator: Accelerator;
  readonly files: RunFiles;
  /** Waits to be told of a state to go on from. */
  readonly incoming: boolean;
}

/**
 * Everything after the program.
 *
 * @throws LifeboatError `unsupported` for a disk or network that cannot be
 */
export function commandLine(spec: MachineSpec, { accelerator, files, incoming }: StartOptions): string[] {
  const { firmware, boot, cd } = spec;
  const secure = firmware.kind === 'uefi' && firmware.secureBoot;
  return [
    ['-nodefaults', '-no-user-config', '-name', spec.name, '-display', 'none'],
    ['-machine', secure ? 'q35,smm=on' : 'q35'],
    processor(accelerator),
    ['-smp', String(spec.cpus), '-m', String(spec.memoryMiB), '-vga', spec.screen === true ? 'std' : 'none'],
    ['-pidfile', files.pid],
    ['-chardev', listening('qmp', files.qmp), '-mon', 'chardev=qmp,mode=control'],
    ['-chardev', `${listening('serial', files.serial)},logfile=${comma(files.serialLog)}`, '-serial', 'chardev:serial'],
    device({ driver: 'virtio-serial-pci', id: 'ports' }),
    ['-chardev', listening('agent', files.agent)],
    device({ driver: 'virtserialport', bus: 'ports.0', chardev: 'agent', name: AGENT_PORT }),
    device({ driver: 'virtio-rng-pci' }),
    device({ driver: 'virtio-scsi-pci', id: 'scsi' }),
    device({ driver: 'qemu-xhci', id: 'usb' }),
    ...hotPlugSlots.map((id, index) => device({ driver: 'pcie-root-port', id, chassis: index + 1 })),
    flash(firmware),
    boot === undefined ? [] : ['-kernel', boot.kernel, '-initrd', boot.initrd, '-append', boot.append],
    ...spec.disks.map((disk) => {
      const { node, device: own } = diskDevices(disk);
      const port = disk.bus === 'sata' ? { bus: sataPort(disk, spec.disks) } : {};
      return ['-blockdev', qemuJson(node), ...device({ ...own, ...port })];
    }),
    cd === undefined ? [] : cdDrive(cd),
    ...spec.cards.map(networkCard),
    spec.tpm === undefined ? [] : tpmDevice(spec.tpm),
    spec.tellsPanic === true ? device({ driver: 'pvpanic' }) : [],
    spec.onReboot === 'reboot' ? [] : ['-no-reboot'],
    incoming ? ['-incoming', 'defer'] : [],
  ].flat();
}

/** Ports of the machine's AHCI controller for disks; the one after them is for the CD. Each takes one. */
const sataPorts = 5;

function sataPort(disk: Disk, disks: readonly Disk[]): string {
  const port = disks.filter(({ bus }) => bus === 'sata').indexOf(disk);
  if (port < sataPorts) return `ide.${port}`;
  throw new LifeboatError('unsupported', `disk ${disk.serial}: a machine has room for ${sataPorts} SATA disks`);
}

/** What `blockdev-add` and `device_add` take, for disks that are there from the start and those that come later. */
export function diskDevices(disk: Disk): { readonly node: QemuObject; readonly device: QemuObject } {
  checkDisk(disk);
  const node = {
    driver: disk.format,
    'node-name': nodeName(disk.serial),
    'read-only': disk.readOnly === true,
    discard: 'unmap',
    'detect-zeroes': 'unmap',
    // What such a machine writes need not outlive a crash of the host.
    cache: { direct: false, 'no-flush': true },
    file: { driver: 'file', filename: disk.file },
  };
  const sector = disk.sectorSize ?? 512;
  const common = {
    id: deviceName(disk.serial),
    drive: nodeName(disk.serial),
    serial: disk.serial,
    ...(disk.bootIndex === undefined ? {} : { bootindex: disk.bootIndex }),
    logical_block_size: sector,
    physical_block_size: Math.max(sector, 512),
  };
  // Where the host has no room left, the guest sees errors. QEMU would halt it, and nobody would be told why nothing moves.
  const errors = { werror: 'report' };
  const wwn = disk.wwn === undefined ? {} : { wwn: BigInt(`0x${disk.wwn}`) };
  switch (disk.bus) {
    case 'virtio':
      return { node, device: { driver: 'virtio-blk-pci', ...common, ...errors } };
    case 'scsi':
      return { node, device: { driver: 'scsi-hd', bus: 'scsi.0', ...common, ...errors, ...wwn } };
    case 'sata':
      return { node, device: { driver: 'ide-hd', ...common, ...errors, ...wwn } };
    case 'nvme':
      // Never halts a guest.
      return { node, device: { driver: 'nvme', ...common } };
    case 'usb':
      return { node, device: { driver: 'usb-storage', bus: 'usb.0', ...common, ...errors } };
  }
}

export function nodeName(serial: string): string {
  return `node-${serial}`;
}

export function deviceName(serial: string): string {
  return `disk-${serial}`;
}

/** Properties as QMP and `-device` take them. */
export type QemuObject = Readonly<Record<string, unknown>>;

function checkDisk({ serial, wwn, bus, sectorSize }: Disk): void {
  const refuse = (reason: string): never => {
    throw new LifeboatError('unsupported', `disk ${serial}: ${reason}`);
  };
  if (!/^[\w-]{1,20}$/.test(serial)) refuse('a serial number has up to 20 letters, digits, - and _');
  if (wwn !== undefined && !/^[0-9a-f]{16}$/.test(wwn)) refuse('a world wide name has 16 digits of hex');
  if (wwn !== undefined && bus !== 'scsi' && bus !== 'sata') refuse(`no world wide names on the bus ${bus}`);
  if (sectorSize === 4096 && bus === 'sata') refuse('sata disks have sectors of 512 bytes');
}

function processor(accelerator: Accelerator): string[] {
  if (accelerator === 'kvm') return ['-accel', 'kvm', '-cpu', 'host'];
  // An old processor on purpose: for newer ones kernels choose instructions that are carried out byte by byte here.
  return ['-accel', 'tcg,thread=multi,tb-size=512', '-cpu', 'Nehalem'];
}

function flash(firmware: Firmware): string[] {
  if (firmware.kind === 'bios') return [];
  const { code, variables, secureBoot } = firmware;
  const drives = [
    ['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${comma(code)}`],
    ['-drive', `if=pflash,unit=1,format=qcow2,file=${comma(variables)}`],
  ].flat();
  if (!secureBoot) return drives;
  return ['-global', 'driver=cfi.pflash01,property=secure,value=on', '-global', 'ICH9-LPC.disable_s3=1', ...drives];
}

function cdDrive({ file, bootIndex }: { readonly file: string; readonly bootIndex?: number }): string[] {
  const node = { driver: 'raw', 'node-name': 'cd', 'read-only': true, file: { driver: 'file', filename: file } };
  const boot = bootIndex === undefined ? {} : { bootindex: bootIndex };
  return [
    '-blockdev',
    qemuJson(node),
    ...device({ driver: 'ide-cd', bus: `ide.${sataPorts}`, id: 'cd-drive', drive: 'cd', ...boot }),
  ];
}

function tpmDevice(socket: string): string[] {
  const channel = ['-chardev', `socket,id=tpm,path=${comma(socket)}`, '-tpmdev', 'emulator,id=tpm0,chardev=tpm'];
  return [...channel, ...device({ driver: 'tpm-tis', tpmdev: 'tpm0' })];
}

/** The hardware address of a card; `index` is its place among those of its machine. */
export function macOf({ network, mac }: NetworkCard, index: number): string {
  // The machines at both ends of a wire may have it in the same place.
  const end = network.kind === 'wire' && !network.listens ? '01' : '00';
  return mac ?? `52:54:00:00:${end}:${(index + 1).toString(16).padStart(2, '0')}`;
}

function networkCard(card: NetworkCard, index: number): string[] {
  const id = `net${index}`;
  return [
    '-netdev',
    netdev(card.network, id),
    ...device({
      driver: card.model === 'e1000e' ? 'e1000e' : 'virtio-net-pci',
      id: `card${index}`,
      netdev: id,
      mac: macOf(card, index),
      ...(card.bootIndex === undefined ? {} : { bootindex: card.bootIndex }),
    }),
  ];
}

function netdev(network: Network, id: string): string {
  switch (network.kind) {
    case 'user': {
      const { forwards = [], services = [], tftp } = network;
      const rules = forwards.map(({ hostPort, guestPort }) => `,hostfwd=tcp:127.0.0.1:${hostPort}-:${guestPort}`);
      const reached = services.map(
        ({ address, port, program }) => `,guestfwd=tcp:${address}:${port}-cmd:${comma(program)}`,
      );
      const offer = tftp === undefined ? '' : `,tftp=${comma(tftp.directory)},bootfile=${comma(tftp.file)}`;
      return `user,id=${id},restrict=on${offer}${rules.join('')}${reached.join('')}`;
    }
    case 'tap':
      return `tap,id=${id},ifname=${comma(network.name)},script=no,downscript=no`;
    case 'segment':
      return `hubport,id=${id},hubid=${network.number}`;
    case 'wire':
      return `stream,id=${id},server=${network.listens ? 'on' : 'off'},addr.type=unix,addr.path=${comma(network.path)}`;
  }
}

function listening(id: string, path: string): string {
  return `socket,id=${id},path=${comma(path)},server=on,wait=off`;
}

function device(properties: QemuObject): string[] {
  return ['-device', qemuJson(properties)];
}

/** QEMU's way to have a comma in a value of its comma-separated options. */
function comma(text: string): string {
  return text.replaceAll(',', ',,');
}
