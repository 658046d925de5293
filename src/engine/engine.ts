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
import type { Sealing } from '../age/keys.ts';
import type { Host } from '../host/host.ts';
import type { Json } from '../kernel/json.ts';
import type { Target, TargetTraits } from '../target/target.ts';
import type { Entry } from './entry.ts';
import type { OwnerMap } from './restore/owners.ts';

export interface Engine {
  readonly name: string;
  /** Traits without which this engine cannot use a target. */
  readonly requires: readonly (keyof TargetTraits)[];

  backup(job: BackupJob, signal: AbortSignal): Promise<BackupResult>;
  verify(job: VerifyJob, signal: AbortSignal): Promise<VerifyReport>;
  restore(job: RestoreJob, signal: AbortSignal): Promise<RestoreReport>;
  /** The entries of a point in the order they were stored. */
  entries(job: StoredJob, signal: AbortSignal): AsyncIterable<Entry>;
  /** Ids of the points whose data this one needs besides its own: while it is kept, so are they. */
  references(stored: Json): readonly string[];
  /** Removes whatever a backup of this point left in the target; nothing there is no error. */
  discard(job: PointJob, signal: AbortSignal): Promise<void>;
  /** Every object that backups of this host have put into the target, of whole points or not. Reads none of them. */
  stored(job: Pick<PointJob, 'target' | 'hostName'>, signal: AbortSignal): AsyncIterable<StoredPiece>;
  /**
   * What the data of a point says of it, for a record that was lost. That objects are there is seen by their sizes; whether
   * every byte is right is for {@link Engine.verify} to say.
   *
   * @throws LifeboatError `not-found` when there is none; `archive-damaged` when it is not whole; `no-key`, `newer-format`
   */
  recover(job: PointJob, signal: AbortSignal): Promise<Recovered>;
}

/** An object of an engine's, and whose it is. */
export interface StoredPiece {
  readonly pointId: string;
  readonly key: string;
  readonly size: number;
  /** When it arrived, by the clock of the target. */
  readonly mtimeMs: number;
}

/** Of a {@link BackupResult} what can be known afterwards, and the description that was given to `backup`. */
export interface Recovered extends Pick<BackupResult, 'stored' | 'entries' | 'bytes' | 'storedBytes'> {
  readonly base?: string;
  readonly description: Json;
}

/** Names one recovery point in a repository. */
export interface PointJob {
  readonly target: Target;
  /** Name of the protected host, as it stands in keys. */
  readonly hostName: string;
  readonly pointId: string;
  /** How data is encrypted, and what it is read with. */
  readonly sealing: Sealing;
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
  /**
   * Of the included paths, those that are stored although a pattern names them, or what they lie in; see `patternsWithin`. What
   * `leaveOut` names, and the rules, hold there too. @default none
   */
  readonly keep?: readonly string[];
  /** Absolute paths as in `leaveOut`, of layers of images that can be had again from where they came. @default none */
  readonly imageLayers?: readonly string[];
  readonly rules: SelectionRules;
  /**
   * Makes an incremental point: what has not changed since this one is referred to, not stored again. Where what is needed
   * of it cannot be had, the point becomes a full one, with a note in the result. @default a full point
   */
  readonly base?: { readonly pointId: string; readonly stored: Json };
  /**
   * How a change is known. `metadata`: by size, times of content and inode, and inode number; `hash`: by reading every
   * file too. @default metadata
   */
  readonly compare?: 'metadata' | 'hash';
  /**
   * A directory for root only, made where there is none, in which the engine keeps what it needs to compare with at the next backup: so
   * that a host that cannot read its repository makes incremental points too.
   */
  readonly indexDirectory?: string;
  /** The point's document, kept inside the engine's own data, so that the data alone suffices. */
  readonly description: Json;
  /** As of Zstandard: 1 is fast, 19 small. @default 3 */
  readonly compressionLevel?: number;
  readonly onProgress: OnProgress;
}

/** What is left out of the included paths besides what is named. */
export interface SelectionRules {
  /** Leave out what is in a directory that is tagged as a cache (https://bford.info/cachedir/), but for the tag. */
  readonly cacheDirectories: boolean;
  /** Leave out files that are larger. @default any size */
  readonly maxFileBytes?: number;
}

/** A point whose data `backup` stored. */
export interface StoredJob extends PointJob {
  readonly stored: Json;
}

export interface VerifyJob extends StoredJob {
  /**
   * `own`: what this point stored itself is read, and of what it refers to in earlier points is seen that it is there, by
   * its size. `chain`: all of it is read. @default chain
   */
  readonly scope?: 'own' | 'chain';
  /**
   * Only whether the stored bytes are those that were sent, which takes a fraction of the time: of what was read by its content before, that
   * says all.
   */
  readonly sameBytes?: boolean;
  /** When this is aborted, what was found until then is the report. What should be there is looked for first, by its size. */
  readonly until?: AbortSignal;
  readonly onProgress: OnProgress;
}

export interface RestoreJob extends StoredJob {
  /**
   * Absolute paths as they were on the host, or patterns (`engine/restore/choose.ts`); with everything below them. Empty for
   * all.
   */
  readonly paths: readonly string[];
  /** Of what they choose, only these; directories above them are made where nothing else does. @default all */
  readonly only?: (path: string) => boolean;
  /**
   * An existing directory that nobody else can change; `/etc/fstab` is restored as `<directory>/etc/fstab`. It stands for
   * `/`: where that is in the point, the directory becomes as it was. It is empty, or has what an earlier attempt left: of
   * that, what is whole is kept, and the rest removed.
   */
  readonly directory: string;
  /** Other directories for what is at and below these paths: `<directory>/<path>`, which is there. @default none */
  readonly elsewhere?: readonly { readonly path: string; readonly directory: string }[];
  /** @default the owners of the point */
  readonly owners?: OwnerMap;
  /** Read every file back, besides checking its content on the way and everything else afterwards. @default false */
  readonly reread?: boolean;
  readonly onProgress: OnProgress;
}

export interface BackupResult {
  /** The engine's own reference to what it stored. */
  readonly stored: Json;
  readonly entries: number;
  /** Bytes of file content in the point, wherever they are stored. */
  readonly bytes: number;
  /** Bytes written to the target. */
  readonly storedBytes: number;
  /** What is not, or not faithfully, in the point. */
  readonly findings: readonly Finding[];
  /** Set when the point is an incremental one: the newest point whose data it needs. */
  readonly base?: string;
  /** How it differs from the point that it was compared with; removed is also what is newly left out by choice. */
  readonly changes?: { readonly added: number; readonly changed: number; readonly removed: number };
  /** What was left out by choice, each rule that left something out once. */
  readonly excluded: readonly Exclusion[];
  /** What a person should know that makes the point no worse. */
  readonly notes: readonly string[];
}

/** What one rule left out. */
export interface Exclusion {
  /** `pattern`, with the pattern; `own`, what lifeboat itself writes; `image-layer`, what can be had again; or one of the rules. */
  readonly rule: 'pattern' | 'own' | 'image-layer' | 'cache-directory' | 'too-large' | 'socket';
  readonly pattern?: string;
  readonly entries: number;
  /** Of the files that were met; what is below a directory that was left out is not looked at. */
  readonly bytes: number;
  /** Some of the paths, absolute. */
  readonly examples: readonly string[];
}

export interface VerifyReport {
  readonly entries: number;
  readonly bytes: number;
  /** Bytes read back from the target. */
  readonly storedBytes: number;
  /**
   * `content`: every file was decrypted, decompressed and hashed. `ciphertext`: the stored bytes are those that were sent, and without a key,
   * or where it was not asked for, no more is said.
   */
  readonly depth: 'content' | 'ciphertext';
  /** Empty when every byte read back was right. */
  readonly damage: readonly Finding[];
  /** Not all of it was read: `until` was aborted. */
  readonly partial?: true;
}

export interface RestoreReport {
  readonly entries: number;
  readonly bytes: number;
  /** Entries that an earlier attempt had left whole. */
  readonly kept: number;
  /** What is in the stage now: entries, and bytes of files. */
  readonly staged: { readonly entries: number; readonly bytes: number };
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
