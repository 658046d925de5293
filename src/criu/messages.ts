/**
 * The messages of CRIU's RPC, as of CRIU 4.2, by their field numbers. Names are CRIU's own in our spelling; what they do is documented in
 * `options.ts` and in criu(8).
 */
import { Message, type Field, type FieldType } from './wire.ts';

const one = (number: number, type: FieldType): Field => ({ number, type });
const many = (number: number, type: FieldType): Field => ({ number, type, isRepeated: true });

export const requestTypes = {
  empty: 0,
  dump: 1,
  restore: 2,
  check: 3,
  'pre-dump': 4,
  'page-server': 5,
  notify: 6,
  'cpuinfo-dump': 7,
  'cpuinfo-check': 8,
  'feature-check': 9,
  version: 10,
  'wait-pid': 11,
  'page-server-child': 12,
  'single-pre-dump': 13,
} as const;

export type RequestType = keyof typeof requestTypes;

export const cgroupModes = { ignore: 0, none: 1, props: 2, soft: 3, full: 4, strict: 5, default: 6 } as const;
export const networkLocks = { iptables: 1, nftables: 2, skip: 3 } as const;
export const preDumpModes = { splice: 1, read: 2 } as const;

const pageServer = new Message('page server', {
  address: one(1, 'string'),
  port: one(2, 'int32'),
  pid: one(3, 'int32'),
  fd: one(4, 'int32'),
});

const vethPair = new Message('veth pair', { inside: one(1, 'string'), outside: one(2, 'string') });
const mountMap = new Message('mount map', { key: one(1, 'string'), value: one(2, 'string') });
const joinNamespace = new Message('namespace to join', {
  kind: one(1, 'string'),
  file: one(2, 'string'),
  extra: one(3, 'string'),
});
const inheritedFd = new Message('inherited descriptor', { key: one(1, 'string'), fd: one(2, 'int32') });
const cgroupRoot = new Message('cgroup root', { controller: one(1, 'string'), path: one(2, 'string') });
const unixSocket = new Message('unix socket', { inode: one(1, 'uint32') });

const options = new Message('options', {
  imagesDirFd: one(1, 'int32'),
  pid: one(2, 'int32'),
  leaveRunning: one(3, 'bool'),
  extUnixSk: one(4, 'bool'),
  tcpEstablished: one(5, 'bool'),
  evasiveDevices: one(6, 'bool'),
  shellJob: one(7, 'bool'),
  fileLocks: one(8, 'bool'),
  logLevel: one(9, 'int32'),
  logFile: one(10, 'string'),
  pageServer: one(11, pageServer),
  notifyScripts: one(12, 'bool'),
  root: one(13, 'string'),
  parentImages: one(14, 'string'),
  trackMemory: one(15, 'bool'),
  autoDedup: one(16, 'bool'),
  workDirFd: one(17, 'int32'),
  linkRemap: one(18, 'bool'),
  veths: many(19, vethPair),
  cpuCapabilities: one(20, 'uint32'),
  forceIrmap: one(21, 'bool'),
  execCommand: many(22, 'string'),
  externalMounts: many(23, mountMap),
  manageCgroups: one(24, 'bool'),
  cgroupRoots: many(25, cgroupRoot),
  restoreSibling: one(26, 'bool'),
  inheritFds: many(27, inheritedFd),
  autoExternalMounts: one(28, 'bool'),
  externalSharing: one(29, 'bool'),
  externalMasters: one(30, 'bool'),
  skipMounts: many(31, 'string'),
  enableFilesystems: many(32, 'string'),
  unixSockets: many(33, unixSocket),
  manageCgroupsMode: one(34, cgroupModes),
  ghostLimit: one(35, 'uint32'),
  irmapScanPaths: many(36, 'string'),
  external: many(37, 'string'),
  emptyNamespaces: one(38, 'uint32'),
  joinNamespaces: many(39, joinNamespace),
  cgroupProps: one(41, 'string'),
  cgroupPropsFile: one(42, 'string'),
  cgroupDumpControllers: many(43, 'string'),
  freezeCgroup: one(44, 'string'),
  timeout: one(45, 'uint32'),
  tcpSkipInFlight: one(46, 'bool'),
  weakSysctls: one(47, 'bool'),
  lazyPages: one(48, 'bool'),
  statusFd: one(49, 'int32'),
  orphanPtsMaster: one(50, 'bool'),
  configFile: one(51, 'string'),
  tcpClose: one(52, 'bool'),
  lsmProfile: one(53, 'string'),
  tlsCaCertificate: one(54, 'string'),
  tlsCaRevocations: one(55, 'string'),
  tlsCertificate: one(56, 'string'),
  tlsKey: one(57, 'string'),
  tls: one(58, 'bool'),
  tlsNoNameCheck: one(59, 'bool'),
  cgroupYard: one(60, 'string'),
  preDumpMode: one(61, preDumpModes),
  pidfdStoreSocket: one(62, 'int32'),
  lsmMountContext: one(63, 'string'),
  networkLock: one(64, networkLocks),
  mountNamespaceCompatibility: one(65, 'bool'),
  skipFileModeCheck: one(66, 'bool'),
  unprivileged: one(67, 'bool'),
  imagesDir: one(68, 'string'),
  leaveStopped: one(69, 'bool'),
  displayStats: one(70, 'bool'),
  logToStderr: one(71, 'bool'),
});

const features = new Message('features', {
  memoryTracking: one(1, 'bool'),
  lazyPages: one(2, 'bool'),
  pidfdStore: one(3, 'bool'),
});

const version = new Message('version', {
  major: one(1, 'int32'),
  minor: one(2, 'int32'),
  gitId: one(3, 'string'),
  sublevel: one(4, 'int32'),
  extra: one(5, 'int32'),
  name: one(6, 'string'),
});

export const request = new Message('request', {
  type: one(1, requestTypes),
  options: one(2, options),
  notifySuccess: one(3, 'bool'),
  keepOpen: one(4, 'bool'),
  features: one(5, features),
  pid: one(6, 'uint32'),
});

export const response = new Message('response', {
  type: one(1, requestTypes),
  success: one(2, 'bool'),
  dump: one(3, new Message('dump', { restored: one(1, 'bool') })),
  restore: one(4, new Message('restore', { pid: one(1, 'int32') })),
  notify: one(5, new Message('notify', { script: one(1, 'string'), pid: one(2, 'int32') })),
  pageServer: one(6, pageServer),
  errno: one(7, 'int32'),
  features: one(8, features),
  message: one(9, 'string'),
  version: one(10, version),
  status: one(11, 'int32'),
});
