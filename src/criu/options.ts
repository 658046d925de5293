/** What CRIU can be asked for, typed. Whatever is absent CRIU decides itself; criu(8) says how. */
import type { cgroupModes, networkLocks, preDumpModes } from './messages.ts';

/** How CRIU is started here: `criu`, or in other namespaces `nsenter … criu`, as long as those see this process in /proc. */
export type CriuCommand = readonly [program: string, ...args: string[]];

/** Of every request that works on a directory. */
export interface ImagesOptions {
  /** An existing directory on this machine: CRIU gets it open, whatever it sees at that path itself. */
  readonly imagesDir: string;
  /** For the log, statistics, sockets, and pages that are loaded later. @default `imagesDir` */
  readonly workDir?: string;
  /** A name in `workDir`. @default one of the kind of request, such as `dump.log` */
  readonly logFile?: string;
}

/** Of dump and restore. */
interface TreeOptions extends ImagesOptions {
  /** Names of resources that are not in the images, such as `mnt[/data]:data`, `tty[…]` or `net[…]:…`. */
  readonly external?: readonly string[];
  /** The tree belongs to a terminal session that is not in it. */
  readonly shellJob?: boolean;
  readonly extUnixSk?: boolean;
  readonly tcpEstablished?: boolean;
  readonly tcpClose?: boolean;
  readonly fileLocks?: boolean;
  readonly evasiveDevices?: boolean;
  readonly linkRemap?: boolean;
  readonly autoDedup?: boolean;
  readonly forceIrmap?: boolean;
  readonly irmapScanPaths?: readonly string[];
  /** In bytes: larger files that are deleted but open are refused. @default 1 MiB */
  readonly ghostLimit?: number;
  readonly manageCgroups?: boolean;
  readonly manageCgroupsMode?: keyof typeof cgroupModes;
  readonly cgroupRoots?: readonly { readonly controller?: string; readonly path: string }[];
  readonly cgroupProps?: string;
  readonly cgroupPropsFile?: string;
  readonly cgroupDumpControllers?: readonly string[];
  readonly cgroupYard?: string;
  /** @default nftables, which needs no program on the host */
  readonly networkLock?: keyof typeof networkLocks;
  /** Bits as criu(8) has them. @default all that CRIU checks */
  readonly cpuCapabilities?: number;
  readonly root?: string;
  readonly externalMounts?: readonly { readonly key: string; readonly value: string }[];
  readonly autoExternalMounts?: boolean;
  readonly externalSharing?: boolean;
  readonly externalMasters?: boolean;
  readonly skipMounts?: readonly string[];
  readonly enableFilesystems?: readonly string[];
  readonly mountNamespaceCompatibility?: boolean;
  readonly emptyNamespaces?: number;
  readonly lsmProfile?: string;
  readonly lsmMountContext?: string;
  readonly skipFileModeCheck?: boolean;
  readonly unprivileged?: boolean;
  readonly weakSysctls?: boolean;
  readonly lazyPages?: boolean;
  readonly parentImages?: string;
  readonly displayStats?: boolean;
  readonly configFile?: string;
  /** In seconds: how long CRIU waits for tasks to stop. @default 10 */
  readonly timeout?: number;
  /** A descriptor of this process. */
  readonly statusFd?: number;
  readonly tls?: TlsOptions;
}

/** Files of the connection to a page server. */
export interface TlsOptions {
  readonly caCertificate?: string;
  readonly caRevocations?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly noNameCheck?: boolean;
}

/** Where pages go to or come from: an address, or one of the inherited descriptors, by its number in CRIU. */
export type PageServer = { readonly address: string; readonly port: number } | { readonly fd: number };

export interface DumpOptions extends TreeOptions {
  /** Of the first task of the tree. */
  readonly pid: number;
  /** The tree goes on after the dump; otherwise it ends, unless `leaveStopped`. */
  readonly leaveRunning?: boolean;
  readonly leaveStopped?: boolean;
  /** A cgroup that holds the whole tree, as a path: frozen as one while tasks are stopped. */
  readonly freezeCgroup?: string;
  readonly trackMemory?: boolean;
  readonly preDumpMode?: keyof typeof preDumpModes;
  readonly pageServer?: PageServer;
  readonly tcpSkipInFlight?: boolean;
  readonly orphanPtsMaster?: boolean;
  /** A SEQPACKET socket of this process in which CRIU keeps handles of tasks from one pre-dump to the next. */
  readonly pidfdStoreSocket?: number;
}

export interface RestoreOptions extends TreeOptions {
  /** The restored root is a child of this process, which can then wait for it. @default false: of init */
  readonly restoreSibling?: boolean;
  readonly inheritFds?: readonly { readonly key: string; readonly fd: number }[];
  readonly joinNamespaces?: readonly { readonly kind: string; readonly file: string; readonly extra?: string }[];
  readonly veths?: readonly { readonly inside: string; readonly outside: string }[];
  readonly orphanPtsMaster?: boolean;
  /** Executed by CRIU in its own place once the tree runs. */
  readonly execCommand?: readonly string[];
}

export interface PageServerOptions extends ImagesOptions {
  /** @default all addresses */
  readonly address?: string;
  /** @default one that is free */
  readonly port?: number;
  readonly lazyPages?: boolean;
  readonly autoDedup?: boolean;
  readonly tls?: TlsOptions;
}

/** How long each part may take, in milliseconds. */
export interface Limits {
  /** From a request to its answer, notifications included. @default 600 000, and 30 000 for questions */
  readonly requestMs?: number;
  /** For CRIU to undo what it did when it is told to give up, before it is killed. @default 5000 */
  readonly graceMs?: number;
}
