/** The manifest of a point as it grows: what is stored now and what earlier points hold, in one order. */
import { LifeboatError } from '../../kernel/errors.ts';
import type { BackupResult } from '../engine.ts';
import type { Entry } from '../entry.ts';
import type { Base } from './base.ts';
import type { Chosen } from './choose.ts';
import { inodeOf } from './find.ts';
import { type ManifestEntry, ManifestWriter } from './manifest.ts';
import type { Findings } from './stderr.ts';
import { strayProblem, Strays } from './strays.ts';

export class ManifestMerge {
  readonly #chosen: readonly Chosen[];
  readonly #base: Base | undefined;
  readonly #baseEntries: AsyncIterator<ManifestEntry> | undefined;
  readonly #writer: ManifestWriter;
  readonly #youngSeconds: number;
  readonly #findings: Findings;
  readonly #strays = new Strays();
  #at = 0;
  entries = 0;
  bytes = 0;
  #added = 0;
  #changed = 0;
  /** Ids of the earlier points whose archives are referred to. */
  readonly referred = new Set<string>();

  /** @param youngSeconds from then on, a further change might not change an inode's time again */
  constructor(
    writer: ManifestWriter,
    chosen: readonly Chosen[],
    base: Base | undefined,
    youngSeconds: number,
    findings: Findings,
  ) {
    this.#writer = writer;
    this.#chosen = chosen;
    this.#base = base;
    this.#baseEntries = base?.manifest.entries()[Symbol.asyncIterator]();
    this.#youngSeconds = youngSeconds;
    this.#findings = findings;
  }

  /** The next entry that was stored, in the order in which they were chosen, and what stands before it. */
  async add(entry: Entry, flags: string | undefined): Promise<void> {
    const chosen = await this.#until(entry.path);
    if (chosen === undefined)
      throw new LifeboatError('bug', `tar stored ${JSON.stringify(entry.path)}, which was not asked for`);
    const { ctimeNs, inode } = inodeOf(chosen.stat);
    const young = Number(ctimeNs.slice(0, -9)) >= this.#youngSeconds;
    this.#write({ ...entry, ...(young ? {} : { ctimeNs }), inode, ...(flags === undefined ? {} : { flags }) });
    if (chosen.known) this.#changed++;
    else this.#added++;
  }

  /** How what was entered differs from the base. */
  get changes(): BackupResult['changes'] {
    if (this.#base === undefined) return undefined;
    const stillThere = this.entries - this.#added;
    return { added: this.#added, changed: this.#changed, removed: this.#base.trailer.entries - stillThere };
  }

  async finish(): Promise<void> {
    await this.#until(undefined);
  }

  /** Writes what is kept before `path`, and leaves out what tar could not store. */
  async #until(path: string | undefined): Promise<Chosen | undefined> {
    for (;;) {
      const item = this.#chosen[this.#at];
      if (item === undefined) return undefined;
      this.#at++;
      if (item.kept) await this.#keep(item.path);
      else if (item.path === path) return item;
    }
  }

  async #keep(path: string): Promise<void> {
    for (;;) {
      const next = await this.#baseEntries?.next();
      if (next === undefined || next.done === true || this.#base === undefined) {
        throw new LifeboatError('bug', `${JSON.stringify(path)} is in no earlier point`);
      }
      const entry = next.value;
      if (entry.path !== path) continue;
      const holder = entry.in ?? this.#base.pointId;
      if (this.#write({ ...entry, in: holder })) this.referred.add(holder);
      return;
    }
  }

  /** @returns whether it may be in the point */
  #write(entry: ManifestEntry): boolean {
    if (this.#strays.has(entry)) {
      this.#findings.add(`/${entry.path}`, strayProblem);
      return false;
    }
    this.entries++;
    this.bytes += entry.size;
    this.#writer.add(entry);
    return true;
  }
}
