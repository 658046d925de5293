/** Disks that are full, of a host with keys and incremental points: clear errors, nothing half, and it goes on with room. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { contents, isRoot, objectsOf, pointsOf } from '../helpers/cli.ts';
import { hastenDate } from '../helpers/clock.ts';
import { provenSandbox } from '../helpers/keyed.ts';
import { wholePoints } from '../helpers/kill-series.ts';

hastenDate();

/** A filesystem of this size over what is in a directory, until the end of the scope. */
function mounted(path: string, size: string): Disposable & { readonly grow: (size: string) => void } {
  mkdirSync(path, { recursive: true });
  const saved = `${path}.saved`;
  cpSync(path, saved, { recursive: true, preserveTimestamps: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', path]);
  cpSync(saved, path, { recursive: true, preserveTimestamps: true });
  rmSync(saved, { recursive: true });
  return {
    grow: (more) => execFileSync('mount', ['-o', `remount,size=${more}`, path]),
    [Symbol.dispose]: () => execFileSync('umount', ['-l', path]),
  };
}

describe.skipIf(!isRoot).concurrent('no space (mounting a small filesystem needs root)', () => {
  test('in the repository, for an incremental point: older points stay whole; then the run is resumed', async ({
    signal,
  }) => {
    await using box = await provenSandbox();
    using disk = mounted(box.repository, '2m');
    writeFileSync(join(box.source, 'old'), randomBytes(300_000));
    expect((await box.ask('backup')).code).toBe(0);
    const before = objectsOf(box);
    writeFileSync(join(box.source, 'big'), randomBytes(4 << 20));
    const { code, json } = await box.ask('backup');
    expect({ code, error: json.error }).toMatchObject({ code: 1, error: { code: 'no-space' } });
    expect(objectsOf(box)).toEqual(before);
    expect(await wholePoints(box, signal)).toHaveLength(1);
    disk.grow('16m');
    expect((await box.ask('runs', 'resume', json.run?.id ?? '')).code).toBe(0);
    expect(await wholePoints(box, signal)).toHaveLength(2);
    // Small, for it builds upon the first.
    expect((await box.ask('points', 'show', 'latest')).json['data']).toMatchObject({ base: pointsOf(box).listed[0] });
  });

  test('where the source is: a backup writes nothing there, and a restore to it leaves nothing half', async () => {
    await using box = await provenSandbox();
    writeFileSync(join(box.source, 'big'), randomBytes(1 << 20));
    using disk = mounted(box.source, '2m');
    try {
      writeFileSync(join(box.source, 'filler'), randomBytes(2 << 20));
    } catch {
      // Full: that is what it is for.
    }
    expect((await box.ask('backup')).code).toBe(0);
    const original = contents(box.source);
    const to = join(box.source, 'restored');
    const { code, json } = await box.ask('restore', 'latest', '--to', to);
    expect({ code, error: json.error }).toMatchObject({ code: 1, error: { code: 'no-space' } });
    expect(existsSync(to) ? readdirSync(to).filter((name) => !name.startsWith('.lifeboat')) : []).toEqual([]);
    disk.grow('16m');
    expect((await box.ask('runs', 'resume', json.run?.id ?? '')).code).toBe(0);
    expect(contents(join(to, box.source))).toEqual(original);
  });

  test('in the state directory, wherever it ends: the next one with room succeeds, and all points are whole', async ({
    signal,
  }) => {
    await using box = await provenSandbox();
    expect((await box.ask('backup')).code).toBe(0);
    using disk = mounted(box.state, '4m');
    const used = Number(execFileSync('du', ['-sk', box.state]).toString().split('\t')[0]);
    let failed = 0;
    for (const room of [8, 40, 72, 104]) {
      writeFileSync(join(box.source, 'etc/new'), `${room}`);
      disk.grow(`${used + failed * 80 + room}k`);
      const { code, json } = await box.ask('backup');
      if (code === 1) {
        failed += 1;
        expect(json.error, `${room} KiB`).toMatchObject({ code: 'no-space' });
      } else expect(code, `${room} KiB: ${JSON.stringify(json.run?.findings)}`).toBeOneOf([0, 4]);
      disk.grow('4m');
      await wholePoints(box, signal);
    }
    expect(failed).toBeGreaterThan(0);
    const { code, json } = await box.ask('backup');
    expect({ code, ...json.error, findings: json.run?.findings }).toEqual({ code: 0, findings: [] });
    expect(await wholePoints(box, signal)).toContain(json.point);
    expect(objectsOf(box).filter((key) => key.includes('lock'))).toEqual([]);
  });
});
