/** A clock that is wrong. */
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, vi } from 'vitest';
import type { CliOptions, Sandbox } from './cli.ts';

export const YEAR = 365 * 86_400_000;

/** Options with which lifeboat takes the time to be so much later. */
export function shiftedClock({ base }: Pick<Sandbox, 'base'>, ms: number): CliOptions {
  const preload = join(base, 'clock.mjs');
  writeFileSync(
    preload,
    `const shift = Number(process.env.CLOCK_SHIFT);
    const Real = Date;
    globalThis.Date = class Date extends Real {
      constructor(...given) {
        if (given.length === 0) super(Real.now() + shift);
        else super(...given);
      }
      static now() {
        return Real.now() + shift;
      }
    };`,
  );
  return { env: { CLOCK_SHIFT: String(ms) }, node: ['--import', preload] };
}

/** As if all that is of this point had reached the repository so much later, by the clock of its server. */
export function shiftArrival({ repository }: Pick<Sandbox, 'repository'>, point: string, ms: number): void {
  for (const name of readdirSync(repository, { recursive: true, encoding: 'utf8' })) {
    const path = join(repository, name);
    const { mtimeMs } = statSync(path);
    if (name.includes(point)) utimesSync(path, (mtimeMs + ms) / 1000, (mtimeMs + ms) / 1000);
  }
}

/** For the rest of the file, programs that ask `date` for the time are told an hour more: no file is so young that it is stored again. */
export function hastenDate(): void {
  const directory = mkdtempSync(join(tmpdir(), 'lifeboat-date-'));
  const text = '#!/bin/sh\nif [ "$1" = +%s ]; then echo $(($(/bin/date +%s) + 3600)); else exec /bin/date "$@"; fi\n';
  writeFileSync(join(directory, 'date'), text, { mode: 0o755 });
  vi.stubEnv('PATH', `${directory}:${process.env['PATH'] ?? ''}`);
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(directory, { recursive: true });
  });
}
