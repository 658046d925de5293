/** The contract of a runtime: what is to be written for a new one. `docs/extend-runtime.md` goes through it. */
import type { Asker } from '../host/asker.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Container, RuntimeName, State } from './model/container.ts';
import type { StoredImage } from './model/image.ts';
import type { Change } from './model/storage.ts';

/** One container as a list has it. */
export interface Found {
  readonly id: string;
  readonly name: string;
  readonly state: State;
  readonly pid?: number;
  /** ISO 8601, in UTC. */
  readonly createdAt?: string;
  readonly owner?: string;
  /** Where its bundle is: a directory with `config.json`. */
  readonly bundle?: string;
}

/** A container without what is the same for all of a capture. */
export type Description = Omit<Container, 'format' | 'capturedAt' | 'runtime' | 'gaps'>;

/**
 * Nothing here throws but what aborts the asker's signal: what a tool does not say is a gap of the asker. No verb changes anything on the host, starts
 * a daemon, or waits for one without a bound.
 */
export interface Runtime {
  readonly name: RuntimeName;
  /**
   * Files that are there when it has containers: it is asked only then, since the first call of some tools makes directories, and a
   * tool that nobody uses need not be there. Without `below`, it is always asked.
   */
  readonly traces: {
    readonly below: readonly string[];
    /** Names, at most three levels down. */
    readonly files: readonly string[];
  };
  /** @param traces the paths that were found, never empty where `traces.below` is not */
  list(asker: Asker, traces: readonly string[]): Promise<readonly Found[]>;
  /** One description for each that is still there; all at once, for some tools take as long for one as for all. */
  inspect(asker: Asker, found: readonly Found[]): Promise<readonly Description[]>;
  /**
   * The images in a storage that its containers named, where lifeboat knows how to bring back what was left out of them. Without it, images are
   * files of the host like others.
   */
  images?(asker: Asker, storage: string): Promise<readonly StoredImage[]>;
  /** What a container has changed of its image; absent where the runtime cannot tell. */
  changes?(asker: Asker, id: string): Promise<readonly Change[] | undefined>;
  /** Absent: its containers are listed, and neither dumped nor restored. */
  readonly lifecycle?: Lifecycle;
}
