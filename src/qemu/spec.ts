/** What a virtual machine is made of, in the terms of this house; `command-line.ts` says it to QEMU. */

/** The kind of controller, which decides the names that the guest's kernel gives (`vda`, `sda`, `nvme0n1`). */
export const buses = ['virtio', 'scsi', 'sata', 'nvme', 'usb'] as const;
export type Bus = (typeof buses)[number];

export interface Disk {
  /** An image or a block device on the host's side. */
  readonly file: string;
  readonly format: 'qcow2' | 'raw';
  /** By this the guest finds it, as names of devices change from boot to boot. Up to 20 characters. */
  readonly serial: string;
  readonly bus: Bus;
  /** World wide name, 16 digits of hex; for `scsi` and `sata`. */
  readonly wwn?: string;
  /** Bytes of a logical sector. @default 512 */
  readonly sectorSize?: 512 | 4096;
  readonly readOnly?: boolean;
  /** Place in the firmware's order of boot devices; without one it is never booted from. */
  readonly bootIndex?: number;
}

/** Nothing of these reaches further than this machine, unless it is an interface that does. */
export type Network =
  /** Reaches only the services that are forwarded to it or listed here; the guest's gateway is 10.0.2.2. */
  | {
      readonly kind: 'user';
      readonly forwards?: readonly PortForward[];
      /** What the guest reaches. */
      readonly services?: readonly Service[];
      /** What machines that start over the network are offered: the root of a TFTP server, and the file to begin with. */
      readonly tftp?: { readonly directory: string; readonly file: string };
    }
  /** Cards of one machine with the same number are on one wire, which leads nowhere else. */
  | { readonly kind: 'segment'; readonly number: number }
  /** A wire between two machines: one listens on the path of a socket, the other connects. */
  | { readonly kind: 'wire'; readonly path: string; readonly listens: boolean }
  /** An interface that is there, in the namespace that QEMU runs in. */
  | { readonly kind: 'tap'; readonly name: string };

export interface PortForward {
  /** On 127.0.0.1 of the host. */
  readonly hostPort: number;
  readonly guestPort: number;
}

/** A service on the host's side. */
export interface Service {
  /** In the guest's network 10.0.2.0/24, other than those of the gateway, DNS and the guest itself. */
  readonly address: string;
  readonly port: number;
  /** Started for each connection, which is its standard input and output; its words are quoted as for a shell, which there is not. */
  readonly program: string;
}

export interface NetworkCard {
  readonly network: Network;
  /** What the guest takes it for. @default 'virtio' */
  readonly model?: 'virtio' | 'e1000e';
  /** @default 52:54:00:00:00:01 and so on, in order; 52:54:00:00:01:01 for who connects to a wire */
  readonly mac?: string;
  /** Place in the firmware's order of boot devices; without one it starts nothing over the network. */
  readonly bootIndex?: number;
}

export type Firmware =
  | { readonly kind: 'bios' }
  /** Flash memory: code, and the variables of this machine, which it writes to. */
  | { readonly kind: 'uefi'; readonly code: string; readonly variables: string; readonly secureBoot: boolean };

/** A kernel that is started without firmware's looking for one. */
export interface DirectBoot {
  readonly kernel: string;
  readonly initrd: string;
  readonly append: string;
}

export interface MachineSpec {
  /** For messages and the guest's own name. */
  readonly name: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly firmware: Firmware;
  readonly boot?: DirectBoot;
  readonly disks: readonly Disk[];
  /** An ISO image in a CD drive. */
  readonly cd?: { readonly file: string; readonly bootIndex?: number };
  readonly cards: readonly NetworkCard[];
  /** A TPM 2.0: the path of the socket by which an emulator of one is controlled, which ends with the machine. */
  readonly tpm?: string;
  /** Whether there is a screen to take pictures of. @default false */
  readonly screen?: boolean;
  /** Whether the guest can tell that its kernel has crashed. @default false */
  readonly tellsPanic?: boolean;
  /** What a reboot of the guest does. @default 'end' */
  readonly onReboot?: 'end' | 'reboot';
}

/** How instructions of the guest are carried out. */
export type Accelerator = 'kvm' | 'tcg';
