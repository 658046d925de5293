/**
 * How the data of a recovery point is stored in a target: the contract, and nothing else.
 *
 * What every implementation owes (`test/conformance/engine.ts` checks it):
 * - what `backup` returns as `stored` is all that `verify` and `restore` need besides the target;
 * - `backup` resolves only when everything it names is stored; after any failure nothing it wrote is needed, and
 *   `discard` removes it, also when the process that wrote it was killed;
 * - `verify` reads every byte back from the target; damage is a finding that names what is damaged, not an exception;
 * - `restore` writes nothing outside the directory it was given.
 */
import type { Host } from '../host/host.ts';
import type { Json } from '../kernel/json.ts';
import type { Target, TargetTraits } from '../target/target.ts';
import type { Entry } from './entry.ts';

export interface Engine {
  readonly name: string;
  /** Traits without which this engine cannot use a target. */
  readonly requires: readonly (keyof TargetTraits)[];

  backup(job: BackupJob, signal: AbortSignal): Promise<BackupResult>;
  verify(job: VerifyJob, signal: AbortSignal): Promise<VerifyReport>;
  restore(job: RestoreJob, signal: AbortSignal): Promise<RestoreReport>;
  /** The entries of a point in the order they were stored. */
  entries(job: StoredJob, signal: AbortSignal): AsyncIterable<Entry>;
  /** Removes whatever a backup of this point left in the target; nothing there is no error. */
  discard(job: PointJob, signal: AbortSignal): Promise<void>;
}

/** Names one recovery point in a repository. */
export interface PointJob {
  readonly target: Target;
  /** Name of the protected host, as it stands in keys. */
  readonly hostName: string;
  readonly pointId: string;
}

export interface BackupJob extends PointJob {
  /** The machine whose files are read. */
  readonly host: Host;
  /** Absolute paths. Each is followed down within its own filesystem. */
  readonly include: readonly string[];
  /**
   * What is left out, with everything below it: whole paths when they begin with `/`, else names or patterns that match
   * after any `/`; `*` and `?` also match `/`.
   */
  readonly exclude: readonly string[];
  /** Absolute paths that are left out with everything below them, taken literally: no character of theirs is a pattern. */
  readonly leaveOut?: readonly string[];
  /** The point's document, kept inside the engine's own data, so that the data alone suffices. */
  readonly description: Json;
  /** As of Zstandard: 1 is fast, 19 small. @default 3 */
  readonly compressionLevel?: number;
  /** Bytes of file content that there will probably be, for progress. @default unknown */
  readonly expectedBytes?: number;
  readonly onProgress: OnProgress;
}

/** A point whose data `backup` stored. */
export interface StoredJob extends PointJob {
  readonly stored: Json;
}

export interface VerifyJob extends StoredJob {
  readonly onProgress: OnProgress;
}

export interface RestoreJob extends StoredJob {
  /** Absolute paths as they were on the host; with everything below them. Empty for all. */
  readonly paths: readonly string[];
  /**
   * An existing, empty directory; `/etc/fstab` is restored as `<directory>/etc/fstab`. It stands for `/`: where that is in
   * the point, the directory becomes as it was.
   */
  readonly directory: string;
  readonly onProgress: OnProgress;
}

export interface BackupResult {
  /** The engine's own reference to what it stored. */
  readonly stored: Json;
  readonly entries: number;
  /** Bytes of file content read. */
  readonly bytes: number;
  /** Bytes written to the target. */
  readonly storedBytes: number;
  /** What is not, or not faithfully, in the point. */
  readonly findings: readonly Finding[];
}

export interface VerifyReport {
  readonly entries: number;
  readonly bytes: number;
  /** Bytes read back from the target. */
  readonly storedBytes: number;
  /** Empty when every byte read back was right. */
  readonly damage: readonly Finding[];
}

export interface RestoreReport {
  readonly entries: number;
  readonly bytes: number;
  /** What was not, or not faithfully, restored. */
  readonly findings: readonly Finding[];
}

/** One thing that a person has to know about: which file (or other subject), and what about it. */
export interface Finding {
  readonly subject: string;
  readonly problem: string;
}

export type OnProgress = (progress: Progress) => void;

export interface Progress {
  readonly doneBytes: number;
  readonly totalBytes?: number;
  readonly entries: number;
}
