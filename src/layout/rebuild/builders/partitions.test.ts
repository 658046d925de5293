/** Scripts for partition tables of random machines, given to the real sfdisk(8) on files: the tables are what was planned. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomLayout } from '../../../../test/helpers/random-layouts.ts';
import { LifeboatError } from '../../../kernel/errors.ts';
import type { Layout } from '../../types.ts';
import { planLayout } from '../plan.ts';
import { disksOf } from '../site.ts';

const env = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, LC_ALL: 'C' };

/** Tables for disks of half to one and a half times the size. */
function scriptsFor(wanted: Layout, factor: number): { readonly bytes: number; readonly script: string }[] {
  const disks = disksOf(wanted).map((disk, index) => ({
    ...disk,
    id: `disk:N${index}`,
    serial: `N${index}`,
    device: `/dev/vd${'abcd'[index]}`,
    // A file has sectors of 512 bytes.
    logicalSector: 512,
    sizeBytes: Math.floor((disk.sizeBytes * factor) / 512) * 512,
  }));
  const blank = new Set(disks.map(({ id }) => id));
  const plan = planLayout({ wanted, found: { ...wanted, components: disks }, blank });
  return plan.actions.flatMap(({ commands, writes: [disk] }) =>
    commands.flatMap(({ argv: [program], stdin }) => {
      const bytes = plan.disks.find(({ id }) => id === disk)?.sizeBytes ?? 0;
      return program === 'sfdisk' && typeof stdin === 'string' ? [{ bytes, script: stdin }] : [];
    }),
  );
}

test('sfdisk makes the tables that are planned', ({ skip }) => {
  try {
    execFileSync('sfdisk', ['--version'], { env });
  } catch {
    return skip('sfdisk is not installed');
  }
  const base = mkdtempSync(join(tmpdir(), 'lifeboat-sfdisk-'));
  const image = join(base, 'disk.img');
  let made = 0;
  const property = fc.property(randomLayout, fc.double({ min: 0.5, max: 1.5, noNaN: true }), (wanted, factor) => {
    let scripts: ReturnType<typeof scriptsFor>;
    try {
      scripts = scriptsFor(wanted, factor);
    } catch (error) {
      if (error instanceof LifeboatError && ['no-space', 'refused'].includes(error.code)) return;
      throw error;
    }
    for (const { bytes, script } of scripts) {
      writeFileSync(image, '');
      truncateSync(image, bytes);
      execFileSync('sfdisk', ['--quiet', '--wipe', 'always', image], { env, input: script });
      const dump = execFileSync('sfdisk', ['--dump', image], { env, encoding: 'utf8' });
      const places = (text: string): string[] => text.match(/start= *\d+, size= *\d+/g) ?? [];
      expect(places(dump).map((place) => place.replaceAll(/= +/g, '='))).toEqual(places(script));
      made++;
    }
  });
  try {
    fc.assert(property, { numRuns: 20, endOnFailure: true });
  } finally {
    rmSync(base, { recursive: true });
  }
  expect(made).toBeGreaterThan(0);
});
