/** The state of every workflow: what steps may need and give. JSON through and through, so a secret does not compile. */
import type { Config } from '../config/schema.ts';
import type { Finding } from '../engine/engine.ts';
import type { OwnerMap } from '../engine/restore/owners.ts';
import type { Facts } from '../facts/types.ts';
import type { Json } from '../kernel/json.ts';
import type { CapturedContainers } from '../point/containers.ts';
import type { CheckpointRecord } from '../point/checkpoints.ts';
import type { CoverageItem } from '../point/coverage.ts';
import type { Plan } from '../layout/rebuild/document.ts';
import type { ConsentPolicy } from '../layout/rebuild/policy.ts';
import type { Layout } from '../layout/types.ts';
import type { NetworkPlan } from '../network/rebuild/document.ts';
import type { Network } from '../network/types.ts';
import type { ForgetPlan } from '../point/forget.ts';
import type { Point } from '../point/point.ts';
import type { PrunePlan } from '../point/prune.ts';
import type { RepairPlan } from '../point/repair.ts';
import type { Proof } from '../prove/proof.ts';
import type { Finished } from '../finalize/scene.ts';
import type { RecoverRequest } from '../recover/request.ts';
import type { Checkpoint } from '../runtime/checkpoint/document.ts';
import { stepsOf } from '../workflow/define.ts';

export interface State {
  readonly config: Config;
  /** Directories that lifeboat itself writes, which are never part of a backup. */
  readonly ownPaths: readonly string[];
  /** Where lifeboat keeps what is this host's own. */
  readonly stateDir: string;
  /** Version of lifeboat, for what it signs. */
  readonly version: string;

  readonly identity: Identity;
  /** Name of the host in the keys of the repository. */
  readonly hostName: string;
  readonly pointId: string;
  readonly lockId: string;

  readonly layout: Layout;
  readonly network: Network;
  readonly facts: Facts;
  readonly containers: CapturedContainers;
  readonly coverage: readonly CoverageItem[];

  /** The file that was written for drills to look for; `null` where the backup would not hold it. */
  readonly canary: string | null;

  /** What the engine stored. */
  readonly data: Point['data'];
  /** Of the data of this run's point, read back; `null` when the configuration leaves that for later. */
  readonly verified: Verified | null;
  /** Where the point is on record. */
  readonly recorded: { readonly point: string; readonly repository: string };

  readonly verifyRequest: VerifyRequest;
  readonly selected: readonly { readonly point: Point; readonly scope: Verified['scope'] }[];
  readonly verifications: readonly Verification[];

  readonly forgetRequest: ForgetRequest;
  readonly forgetPlan: ForgetPlan;
  readonly forgotten: Removed;
  readonly pruneRequest: PruneRequest;
  readonly prunePlan: PrunePlan;
  readonly pruned: Removed;
  /** `unknownSigner`: also records that were signed by nobody whom we know. */
  readonly repairRequest: { readonly yes?: string; readonly unknownSigner?: boolean };
  readonly repairPlan: RepairPlan;
  readonly repaired: readonly Repaired[];

  /** Which point to restore, as it was asked for. */
  readonly pointName: string;
  readonly restoreRequest: RestoreRequest;
  readonly point: Point;
  readonly destination: { readonly directory: string; readonly made: boolean };
  readonly restored: Restored;

  readonly checkpointRequest: CheckpointRequest;
  /** The file of it, as long as it is not in the repository. */
  readonly checkpointFile: Omit<Checkpoint, 'content'> & Checkpoint['content'] & { readonly path: string };
  readonly checkpointData: CheckpointRecord['data'];

  readonly layoutPlan: Plan;
  readonly applyRequest: ApplyRequest;
  /** Digest of the plan that somebody agreed to. */
  readonly agreedPlan: string;
  readonly rebuilt: { readonly actions: number; readonly disks: readonly string[] };

  readonly recoverRequest: RecoverRequest;
  /** An attempt that was cut off is not gone on with. */
  readonly beginAnew: boolean;
  /** When the recovery began. */
  readonly begun: string;
  /** How the machine was when the point was made. */
  readonly captured: Captured;
  /** All of them have to agree to what an unattended recovery does. */
  readonly policies: readonly (ConsentPolicy | 'ask')[];
  /** How much of the point's data was read before anything was touched. */
  readonly tried: Tried;
  readonly phases: readonly Phase[];
  readonly newRoot: NewRoot;
  readonly finished: Finished;
  /** `null` where it was not asked for. */
  readonly proof: Proof | null;
  /** Where the result of the recovery is on record. */
  readonly recovered: { readonly attested: 'repository' | 'kept' | 'none'; readonly next: string };

  readonly networkPlan: NetworkPlan;
  /** Consent, as `--yes` takes it. */
  readonly networkRequest: { readonly yes?: string };
  /** Digest of the plan that somebody agreed to. */
  readonly agreedNetwork: string;
  readonly networked: { readonly outcome: NetworkPlan['outcome']; readonly done: number };
}

export interface Captured {
  readonly layout: Layout;
  readonly network: Network;
  readonly facts: Facts;
}

/** `whole`: every byte; `sample`: as much as there was time for, the rest as it was attested before; `none`: it was not asked for. */
export interface Tried {
  readonly how: 'whole' | 'sample' | 'none';
  readonly bytes: number;
  readonly storedBytes: number;
}

export interface Phase {
  readonly name: string;
  readonly seconds: number;
}

/** The recovered system as it stands on the new disks. */
export interface NewRoot {
  /** Where it is mounted. */
  readonly root: string;
  /** Paths in it at which filesystems are mounted. */
  readonly mounts: readonly string[];
  /** As they are now. */
  readonly layout: Layout;
  readonly network: Network;
  readonly firmware: 'bios' | 'uefi';
}

/** Files that a plan needs, by the UUID of the encrypted volume, and consent as `--yes` takes it. */
export interface ApplyRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly keys: Readonly<Record<string, string>>;
  readonly yes?: string;
  /** The disks stay marked as what is being written to: until their files are back, too. */
  readonly marked?: boolean;
}

/** Of the host, as far as it has been given any. */
export interface Identity {
  readonly name: string;
  readonly machineId?: string;
  readonly bootId?: string;
}

export interface Verified {
  readonly entries: number;
  readonly bytes: number;
  /** Read back from the repository. */
  readonly storedBytes: number;
  readonly depth: 'content' | 'ciphertext';
  readonly scope: 'own' | 'chain';
  readonly damage: readonly Finding[];
  /** When it was finished, so that a repeated step says the same. */
  readonly at: string;
}

/** The points that are named; or else all, or as many as it says of those that were verified the longest ago. */
export interface VerifyRequest {
  readonly points: readonly string[];
  readonly oldest?: number;
  /** A duration: only points whose last verification is older. */
  readonly olderThan?: string;
}

/** What is done with a running container. */
export interface CheckpointRequest {
  /** Name or id. */
  readonly container: string;
  readonly leaveRunning: boolean;
  readonly preDumps: number;
  /** Somebody agreed that this one is stopped and copied, for these reasons. */
  readonly stopInstead?: { readonly id: string; readonly reasons: readonly string[] };
  /** Absent: refused where there are open connections. */
  readonly tcp?: 'keep' | 'close';
}

/** The points that are named; or else by the rules of the configuration. */
export interface ForgetRequest {
  readonly points: readonly string[];
  /** Consent, as `--yes` takes it. */
  readonly yes?: string;
}

export interface PruneRequest {
  /** A duration: what is younger stays. @default 24h */
  readonly grace?: string;
  readonly yes?: string;
}

export interface Repaired {
  readonly id: string;
  readonly what: 'record' | 'captures';
  /** How many things are wrong with its data. */
  readonly damage: number;
}

export interface Removed {
  /** Ids of points. */
  readonly points: readonly string[];
  readonly bytes: number;
}

/** How a point read back; the counts are absent where an interrupted run had attested it before. */
export interface Verification extends Pick<Verified, 'damage' | 'depth'> {
  readonly point: string;
  readonly entries?: number;
  readonly bytes?: number;
  readonly storedBytes?: number;
}

export interface RestoreRequest {
  /** Absolute paths as they were on the host, or patterns; none for all. */
  readonly paths: readonly string[];
  readonly directory: string;
  /** As given with `--yes`: a digest, or `''`. */
  readonly yes?: string;
  readonly owners?: OwnerMap;
  readonly reread?: boolean;
  /** It is the root of a machine that is being recovered. `made`: on filesystems that were made for it, so that nothing there is anybody's. */
  readonly machine?: 'made' | 'there';
  /** Absolute paths below which nothing is restored, as what was mounted there is left out. */
  readonly leftOut?: readonly string[];
}

/** In entries, where nothing else is said. */
export interface Restored {
  readonly directory: string;
  readonly created: number;
  readonly replaced: number;
  /** Of which only owner, mode, times or other attributes were restored. */
  readonly attributes: number;
  readonly same: number;
  /** That the point does not have, and that were left alone. */
  readonly untouched: number;
  /** That an earlier attempt had left whole. */
  readonly kept: number;
  /** Of the files that were created or replaced. */
  readonly bytes: number;
  readonly reread: boolean;
}

/** Defines a step over {@link State}. */
export const step = stepsOf<State>();

/**
 * What a run's steps gave, in the types in which they gave it: every giver was checked by the compiler. Partial, because
 * a run may have ended before a step gave its part.
 */
export function typedState(state: Readonly<Record<string, Json>>): Partial<State> {
  return isState(state) ? state : {};
}

function isState(_state: Readonly<Record<string, Json>>): _state is Readonly<Record<string, Json>> & Partial<State> {
  return true;
}
