/** What a runtime can do with one container besides telling of it. Without these verbs its containers are listed, and no more. */
import type { Host } from '../host/host.ts';
import type { Before } from './checkpoint/document.ts';
import type { Container } from './model/container.ts';

/** What becomes of open TCP connections: kept, so that the other side sees a pause, or closed. */
export type Tcp = 'keep' | 'close';

export interface CheckpointRequest {
  /** A tar that is to be made: CRIU's images below `checkpoint/`, and what the runtime needs besides. */
  readonly archive: string;
  /** An empty directory of our own on the same filesystem. */
  readonly work: string;
  readonly leaveRunning: boolean;
  /** Absent: there are no connections. */
  readonly tcp?: Tcp;
  /** Passes over the memory before it is frozen, where {@link Lifecycle.passes}. @default 0 */
  readonly passes?: number;
  /** Paths that CRIU has to be told of, as the container sees them: they are watched by inotify, on overlays. @default none */
  readonly watched?: readonly string[];
}

/** What is to be restored, and how. */
export interface Wanted {
  /** As it was. */
  readonly container: Container;
  /** Files in the archive. */
  readonly members: readonly { readonly path: string }[];
  /** @default the one that it had */
  readonly name?: string;
  readonly tcp?: Tcp;
  /** @default the pod that it was in, by its name */
  readonly pod?: string;
  /** Volumes that are here keep what they hold. @default false: they come out of the archive and must not be here */
  readonly keepVolumes?: boolean;
}

/** What is known of a restore that was begun. */
type Made = Pick<Wanted, 'container' | 'name'>;

export interface RestoreRequest extends Wanted {
  /** The archive or the tree that was in it, as the runtime takes it: a copy that nobody else can change, and that was judged. */
  readonly content: string;
  /** A directory of our own that it lies in. */
  readonly work: string;
}

/** For what cannot be dumped: it is stopped, copied, and started from its beginning. */
export interface Copies {
  /** What speaks against stopping it, each with the next step: it would be gone, started again by somebody else, or nobody knows how it was started. Changes nothing. */
  obstacles(host: Host, container: Container, signal: AbortSignal): Promise<readonly string[]>;
  /** How much `copy` writes, or more. Changes nothing. */
  bytes(host: Host, container: Container, signal: AbortSignal): Promise<number>;
  /** Of one that is stopped: what only this host has of it, as the runtime's checkpoints have it. @param tree an empty directory of our own */
  copy(host: Host, container: Container, tree: string, signal: AbortSignal): Promise<void>;
  /** Makes one out of that and starts it. After an error nothing of it is here. @param request with the tree as its content. @returns the id of the container */
  make(host: Host, request: RestoreRequest, signal: AbortSignal): Promise<string>;
}

/**
 * Every verb throws LifeboatError: `command-failed`, `command-timeout`, `criu-failed` with the cause that CRIU's log tells, `interrupted`, ….
 * What it leaves then is said at each.
 */
export interface Lifecycle {
  /** How a restore wants its content. */
  readonly takes: 'archive' | 'tree';
  /** It can go over the memory before it freezes the container. */
  readonly passes?: true;
  /**
   * What speaks against a checkpoint and only this runtime knows, in words. Changes nothing.
   *
   * @param request without the places, which are not there yet
   */
  obstacles(
    host: Host,
    container: Container,
    request: Pick<CheckpointRequest, 'tcp' | 'leaveRunning' | 'watched'>,
    signal: AbortSignal,
  ): Promise<readonly string[]>;
  /** After an error the container runs as before. */
  checkpoint(host: Host, container: Container, request: CheckpointRequest, signal: AbortSignal): Promise<void>;
  /** Lets one run on that a checkpoint of its own had paused; waits for who is at it. Absent: none of its checkpoints pauses it. */
  thaw?(host: Host, container: Container, signal: AbortSignal): Promise<void>;
  /**
   * Makes it run again from what a checkpoint has left in its directory that was interrupted after the container had ended.
   *
   * @param request that of the checkpoint
   */
  resume(
    host: Host,
    container: Container,
    request: Omit<CheckpointRequest, 'leaveRunning'>,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * What keeps it from being restored here, each with the next step: its name is taken, its image or bundle is missing. Changes nothing.
   */
  missing(host: Host, wanted: Wanted, signal: AbortSignal): Promise<readonly string[]>;
  /** What there is before a restore that could be taken for what it makes. Changes nothing. */
  before(host: Host, wanted: Wanted, signal: AbortSignal): Promise<Before>;
  /** What the list calls a restored one: its id or its name; absent where nobody can tell, as nothing was made yet. @param work of that restore */
  restoredAs(wanted: Made, work: string): Promise<string | undefined>;
  /** Removes what a restore has made that was killed in the middle, but no container that has run. @returns what was there, in words */
  discard(host: Host, wanted: Made, before: Before, work: string): Promise<readonly string[]>;
  /** After an error nothing of it is here. @returns the id of the container */
  restore(host: Host, request: RestoreRequest, signal: AbortSignal): Promise<string>;
  /** Absent: nobody knows how its containers were started. */
  readonly copies?: Copies;
  /** Starts one that has ended, from its beginning. */
  start(host: Host, container: Container, signal: AbortSignal): Promise<void>;
  /** Ends one as its runtime does, gently first. It can be started again. */
  stop(host: Host, container: Container, signal: AbortSignal): Promise<void>;
}
