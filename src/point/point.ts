/**
 * What is on record of a recovery point: the record `lifeboat.point/2`, small, which alone is read for lists; and what is
 * attested of the point, `lifeboat.attestation/2`. The captures, which describe the host, are in `captures.ts`.
 */
import { z } from 'zod';
import type { Json } from '../kernel/json.ts';

export const POINT_FORMAT = 'lifeboat.point/2';
export const CAPTURES_FORMAT = 'lifeboat.captures/1';
export const ESCROW_FORMAT = 'lifeboat.escrow/1';
export const ATTESTATION_FORMAT = 'lifeboat.attestation/2';

const json: z.ZodType<Json> = z.json();
const finding = z.object({ subject: z.string(), problem: z.string() });

/** Of the record, and of what lies inside the engine's own data. */
export const headSchema = z.object({
  id: z.string(),
  createdAt: z.iso.datetime(),
  host: z.object({ name: z.string(), machineId: z.string().exactOptional() }),
  include: z.array(z.string()),
  exclude: z.array(z.string()),
  /** Of `include`, what was stored although a pattern names it; absent where that is nothing. */
  keep: z.array(z.string()).exactOptional(),
});

const exclusionSchema = z.object({
  rule: z.enum(['pattern', 'own', 'image-layer', 'cache-directory', 'too-large', 'socket']),
  pattern: z.string().exactOptional(),
  entries: z.number(),
  bytes: z.number(),
  examples: z.array(z.string()),
});

const attested = z.object({
  format: z.literal(ATTESTATION_FORMAT),
  point: z.string(),
  at: z.iso.datetime(),
  by: z.object({ host: z.string(), version: z.string(), run: z.string().exactOptional() }),
});

const verificationSchema = attested.extend({
  kind: z.literal('verified'),
  /** `read-back`: every byte in the scope was read from the repository and checked. */
  level: z.literal('read-back'),
  /** How it was checked: by what is in it, or, without a key, that the stored bytes are those that were sent. */
  depth: z.enum(['content', 'ciphertext']),
  /** `own`: of what it builds upon, other attestations tell; `chain`: that was read too. */
  scope: z.enum(['own', 'chain']),
  result: z.enum(['passed', 'damaged']),
  damage: z.array(finding),
});

const pinSchema = attested.extend({ kind: z.enum(['pinned', 'unpinned']), reason: z.string() });

/** What of a recovered machine was proven, counted. */
export const provenSchema = z.object({
  entries: z.number(),
  /** Whose content was read and hashed, and its bytes. */
  files: z.number(),
  bytes: z.number(),
  /** Entries that are different or missing. */
  wrong: z.number(),
  graph: z.number(),
  boot: z.number(),
  mounts: z.number(),
  /** Entries that were not to be restored: then it is not the whole machine. */
  leftOut: z.number().exactOptional(),
});

/**
 * How a recovery went. `sampled`: content was proven of some files only. `unchecked`: what was looked at is well, and not all that should
 * have been was looked at.
 */
export const drillResults = ['passed', 'sampled', 'unchecked', 'failed'] as const;

const recoveredSchema = attested.extend({
  kind: z.literal('recovered'),
  /** `drill`: in an isolated virtual machine, for a test. */
  how: z.enum(['recover', 'drill']),
  /** `files`: only these were brought back, and nothing was started. */
  what: z.enum(['machine', 'files']),
  result: z.enum(drillResults),
  /** Why it failed. */
  problem: z.string().exactOptional(),
  /**
   * The measured RTO: of a drill from power-on to the login, of a recovery from its start until it was proven. Absent where nobody knows what
   * earlier attempts took.
   */
  seconds: z.number().exactOptional(),
  /** The measured RPO: how old the point was when it began. */
  rpoSeconds: z.number(),
  phases: z.array(z.object({ name: z.string(), seconds: z.number() })),
  /** What was proven, counted; absent where it did not come that far. */
  proof: provenSchema.exactOptional(),
  /** What it was recovered on. */
  machine: z
    .object({
      firmware: z.string(),
      accelerator: z.string().exactOptional(),
      memoryMiB: z.number().exactOptional(),
      disks: z.array(
        z.object({ sizeBytes: z.number(), serial: z.string().exactOptional(), wwn: z.string().exactOptional() }),
      ),
      /** Id of the medium, where nobody was there. */
      medium: z.string().exactOptional(),
    })
    .exactOptional(),
  /** What was looked at after it had booted. */
  checks: z.array(z.object({ name: z.string(), passed: z.boolean(), detail: z.string() })).exactOptional(),
  /** Names of what should have been, and was not. */
  unchecked: z.array(z.string()).exactOptional(),
  /** SHA-256 of the files of evidence, by their names. */
  evidence: z.record(z.string(), z.string()).exactOptional(),
});

export const attestationSchema = z.discriminatedUnion('kind', [verificationSchema, pinSchema, recoveredSchema]);

export const pointSchema = headSchema.extend({
  format: z.literal(POINT_FORMAT),
  data: z.object({
    engine: z.string(),
    stored: json,
    entries: z.number(),
    /** Of file content. */
    bytes: z.number(),
    /** In the repository. */
    storedBytes: z.number(),
    /** What is not, or not faithfully, in the point. */
    findings: z.array(finding),
    /** Ids of the points whose data this one needs besides its own. */
    references: z.array(z.string()),
    /** Of an incremental point: from which it was made, and how it differs from that. */
    base: z.string().exactOptional(),
    changes: z.object({ added: z.number(), changed: z.number(), removed: z.number() }).exactOptional(),
    /** Recipients of age to which it is sealed; absent where the record was rebuilt. */
    sealedTo: z.array(z.string()).exactOptional(),
    /** What was left out by choice. */
    excluded: z.array(exclusionSchema),
    notes: z.array(z.string()),
  }),
  /** Where the captures are; size and hash are those of the document itself, however it is stored. */
  captures: z.object({ key: z.string(), size: z.number(), sha256: z.string() }),
  /**
   * LUKS headers that are kept with the point, of which volumes and from when, and why not those of others. Absent where there is no
   * LUKS, and in points of earlier versions.
   */
  escrow: z
    .object({
      readAt: z.iso.datetime(),
      /** UUIDs. */
      volumes: z.array(z.string()),
      /** Of these, the ones that open by it: their own key is kept, too. */
      volumeKeys: z.array(z.string()).exactOptional(),
      missing: z.array(finding),
      /** As with the captures; absent where nothing is kept. */
      object: z.object({ key: z.string(), size: z.number(), sha256: z.string() }).exactOptional(),
    })
    .exactOptional(),
  /** A file of the point that its backup wrote just before the others were read, with the id of the point in it; absent in points without. */
  canary: z.string().exactOptional(),
  /** What the backup itself read back before it put the point on record; later ones are attestations. */
  verification: verificationSchema.exactOptional(),
  /** Id of the newest point on record when this one came to it: what no clock can turn round. */
  after: z.string().exactOptional(),
  /** Set when this record was made out of the point's data, because the first one was lost; and when that had arrived. */
  rebuilt: z.object({ at: z.iso.datetime(), arrivedAt: z.iso.datetime() }).exactOptional(),
});

export type Point = z.infer<typeof pointSchema>;
export type Attestation = z.infer<typeof attestationSchema>;
export type Verification = z.infer<typeof verificationSchema>;
export type Pin = z.infer<typeof pinSchema>;
/** That the point was recovered, or could not be. */
export type Recovered = z.infer<typeof recoveredSchema>;

/**
 * How far a point can be trusted: `stored` was acknowledged only, `read-back` was read again and found right, `recovered`
 * is what a machine was made of that booted and was proven equal to it; `damaged` was read again and found wrong.
 */
export const trusts = ['stored', 'read-back', 'recovered', 'damaged'] as const;
export type Trust = (typeof trusts)[number];

/** Every byte of it was read and found right, at least. */
export function isProven(trust: Trust): boolean {
  return trust === 'read-back' || trust === 'recovered';
}

/**
 * @param newest the verification that counts
 * @param bases of each point that this one needs, for what its own verification does not speak of, or not any more
 * @param recovered the last recovery
 */
export function trustOf(
  newest: Verification | undefined,
  bases: readonly (Verification | undefined)[],
  recovered?: Recovered,
): Trust {
  const isWhole = recovered?.what === 'machine' && (recovered.proof?.leftOut ?? 0) === 0;
  if (recovered?.result !== 'passed' || !isWhole) return trustByReading(newest, bases);
  // It took every byte of all that it builds upon; only what was found since says more.
  const since = [newest, ...bases].filter((one) => one !== undefined && one.at >= recovered.at);
  return since.some((one) => one?.result === 'damaged') ? 'damaged' : 'recovered';
}

function trustByReading(newest: Verification | undefined, bases: readonly (Verification | undefined)[]): Trust {
  if (newest === undefined) return 'stored';
  if (newest.result !== 'passed') return 'damaged';
  // A chain was read with all that it builds upon; what was found since is news of that, too.
  const isNews = (base: Verification) => newest.scope === 'own' || base.at >= newest.at;
  if (bases.some((base) => base?.result === 'damaged' && isNews(base))) return 'damaged';
  if (newest.scope === 'chain') return newest.level;
  return bases.some((base) => base === undefined) ? 'stored' : newest.level;
}
