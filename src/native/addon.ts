/**
 * The addon in native/, loaded when the first verb is called, so that whatever needs none of it works without a build.
 *
 * Only the files beside this one call it. Each verb returns its result, or the negative errno as a number; arguments
 * are in the form of `arguments.ts`, checked there.
 */
import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { LifeboatError } from '../kernel/errors.ts';

/** A name that ends in NUL. */
export type Text = Buffer;

/** Called with a message and its descriptors, and once with `null` and the status as wait(2) gives it. */
export type ChildNews = (bytes: Buffer | null, rest: number[] | number) => void;

export interface Addon {
  listxattr(file: Text | number): Buffer | number;
  getxattr(file: Text | number, name: Text): Buffer | number;
  setxattr(file: Text | number, name: Text, value: Buffer): number;
  removexattr(file: Text | number, name: Text): number;

  readDirectory(path: Text): Promise<Buffer | number>;

  openat2(dirfd: number, path: Text, flags: number, mode: number, resolve: number): number;
  mkdirat(dirfd: number, path: Text, mode: number): number;
  mknodat(dirfd: number, path: Text, mode: number, major: number, minor: number): number;
  unlinkat(dirfd: number, path: Text, flags: number): number;
  /** Whole seconds with nanoseconds from 0 to 999999999, or `null` nanoseconds to leave that time as it is. */
  utimensat(
    dirfd: number,
    path: Text,
    atimeSeconds: number,
    atimeNanoseconds: number | null,
    mtimeSeconds: number,
    mtimeNanoseconds: number | null,
    flags: number,
  ): number;
  getFlags(fd: number): number;
  setFlags(fd: number, flags: number): number;
  lseek(fd: number, offset: bigint, whence: number): bigint | number;
  flock(fd: number, operation: number): number;
  /** Both ends in one number, see `file.ts`. */
  pipe(size: number): number;

  mount(source: Text | null, target: Text, fstype: Text | null, flags: number, data: Text | null): number;
  umount2(target: Text, flags: number): number;

  setDumpable(dumpable: number): number;

  /** See `packet-child.ts`. `argv` and `environment` are strings that each end in NUL; descriptors are int32. */
  startPacketChild(argv: Buffer, environment: Buffer, output: number, others: Buffer, told: ChildNews): Buffer | number;
  sendPacket(socket: number, bytes: Buffer, descriptors: Buffer): number;
  shutPackets(socket: number): number;
  watchChild(pid: number, told: ChildNews): number;
  endTcpRepair(pid: number, fd: number): number;

  sendDatagram(address: Text, bytes: Buffer): number;

  /** Absent, with the three that follow, where Node hides its OpenSSL. See `crypto.ts`. */
  newHash?(): object;
  hashParts?(hash: object, input: Buffer, parts: Buffer, digests: Buffer): Promise<number | string>;
  sealChunks?(key: Buffer, first: number, last: number, input: Buffer, output: Buffer): Promise<number | string>;
  /** See `hash-file.ts`. */
  hashFiles?(paths: Buffer, fresh: number, control: Buffer, told: Buffer): Promise<number | string>;

  /** Level 0 decompresses. Absent where Node hides its Zstandard. */
  zstdFrame?(level: number, input: Buffer, output: Buffer): Promise<number | string>;
}

const require = createRequire(import.meta.url);

let loaded: Addon | undefined;

/** @throws LifeboatError `native-missing` when it is not built, or was built for another kind of machine */
export function addon(): Addon {
  loaded ??= loading(() => require('#addon') as Addon);
  return loaded;
}

/** Nothing where it is not built: for what can be done without it. */
export function addonIfBuilt(): Partial<Addon> {
  try {
    return addon();
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'native-missing') return {};
    throw error;
  }
}

/**
 * The absolute path of a program that is built beside the addon.
 *
 * @throws LifeboatError `native-missing`
 */
export function nativeProgram(name: string): string {
  return loading(() => {
    const path = join(dirname(require.resolve('#addon')), name);
    accessSync(path, constants.X_OK);
    return path;
  });
}

/** The command of such a program; nothing where it is not built. */
export function builtProgram(name: string): [string] | undefined {
  try {
    return [nativeProgram(name)];
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'native-missing') return undefined;
    throw error;
  }
}

function loading<T>(load: () => T): T {
  try {
    return load();
  } catch (cause) {
    // Node appends the list of who required it, which says nothing here.
    const [reason] = String(cause instanceof Error ? cause.message : cause).split('\n');
    throw new LifeboatError('native-missing', `the native part of lifeboat cannot be loaded: ${reason}`, {
      hint: 'Run npm run build (needs make and a C compiler: apt-get install make gcc libc6-dev).',
      cause,
    });
  }
}
