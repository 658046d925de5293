/**
 * Consent to what destroys something: by a plan's digest, in one way for every command.
 *
 * Who is about to destroy something describes it as a {@link Destruction} before the first write, and calls {@link agree}.
 * It returns when somebody agreed, or when nothing would be lost; otherwise it throws `refused` (exit status 5), and nothing may be
 * touched. A dry run prints {@link destructionText}, which ends with the digest to agree by, and asks nothing.
 *
 * Between asking and doing the world may change: what is about to be destroyed is looked at again then, and what was not on the
 * list that was agreed to stays.
 */
import { createHash } from 'node:crypto';
import { LifeboatError } from '../kernel/errors.ts';
import { canonicalJson, type Json } from '../kernel/json.ts';
import { printable } from '../kernel/text.ts';
import type { Ask } from '../workflow/step.ts';

export interface Destruction {
  /** What is about to be done, to follow "to": `restore point 2026… to /srv`. */
  readonly deed: string;
  /** What happens to the things below: `overwritten`, `forgotten`. */
  readonly verb: string;
  /** All that would be lost, each with what a person must know of it; empty when nothing is. */
  readonly items: readonly DestroyedItem[];
  /**
   * What is agreed to, as JSON: another subject, another item, or the same item in another state has to make it another
   * value, an unimportant difference (the order in which they were found) not.
   */
  readonly identity: Json;
}

export interface DestroyedItem {
  readonly name: string;
  /** Its state now: `file, 2.1 MiB, changed 2026-11-20T01:02:03Z`. */
  readonly state: string;
}

/** How consent can be given: the option `--yes[=DIGEST]` (`''` without a digest), and a person at the screen. */
export interface Consent {
  readonly yes?: string | undefined;
  readonly ask: Ask;
}

/** 64 bits of SHA-256: no two plans of a lifetime share them by accident, and a person can compare them. */
export function consentDigest(identity: Json): string {
  return createHash('sha256').update(canonicalJson(identity)).digest('hex').slice(0, 16);
}

/** The table that a person reads before agreeing: the first items, how many more, and the digest. */
export function destructionText({ verb, items, identity }: Destruction, limit = 20): string {
  if (items.length === 0) return `Nothing is ${verb}.`;
  const width = Math.min(60, Math.max(...items.slice(0, limit).map(({ name }) => printable(name).length)));
  const rows = items
    .slice(0, limit)
    .map(({ name, state }) => `  ${printable(name).padEnd(width)}  ${printable(state)}`);
  const more = items.length > limit ? [`  … and ${items.length - limit} more (--dry-run --json lists all)`] : [];
  return [`To be ${verb}: ${items.length}`, ...rows, ...more, `Digest: ${consentDigest(identity)}`].join('\n');
}

/**
 * @throws LifeboatError `refused` when nobody agreed to exactly this: no answer, another answer, another digest, or a bare
 * `--yes`, which agrees only to plans that destroy nothing
 */
export async function agree(destruction: Destruction, { yes, ask }: Consent, signal: AbortSignal): Promise<void> {
  const { deed, verb, items, identity } = destruction;
  if (items.length === 0) return;
  const digest = consentDigest(identity);
  if (yes === digest) return;
  const loss = `to ${deed}, ${items.length === 1 ? '1 thing' : `${items.length} things`} would be ${verb}`;
  const first = items.slice(0, 3).map(({ name }) => printable(name));
  const named = `${first.join(', ')}${items.length > first.length ? ', …' : ''}`;
  const refuse = (why: string, hint: string, cause?: unknown) =>
    new LifeboatError('refused', `${why}: ${loss} (${named})`, { hint, cause });
  const how = `See what with --dry-run, and agree with --yes=${digest}.`;
  if (yes === '') throw refuse('--yes alone agrees only to what destroys nothing', how);
  if (yes !== undefined) throw refuse(`--yes=${yes} is of another plan, or things have changed since`, how);
  const text = `${destructionText(destruction)}\nType "${verb}" to agree, anything else to leave all as it is:`;
  let answer: string;
  try {
    answer = await ask({ id: `consent ${digest}`, text }, signal);
  } catch (cause) {
    if (!(cause instanceof LifeboatError && cause.code === 'refused')) throw cause;
    throw refuse('nobody agreed', how, cause);
  }
  if (answer.trim() !== verb) throw refuse('not agreed', 'Nothing was changed.');
}
