/** kill -9 at seeded moments of repairs of records: no data goes, and a resumed run or the next one brings all points back. */
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { objectsOf, type Sandbox } from './cli.ts';
import { agreed, backup, openRun, runsOf, type Series, wholePoints } from './kill-series.ts';
import { kill, type Moments, measured, random } from './moments.ts';

export async function killedRepairs(box: Sandbox, { seed, turns, signal }: Series): Promise<void> {
  const next = random(seed);
  for (let count = 0; count < 3; count += 1) {
    writeFileSync(join(box.source, 'etc', `file-${count}`), randomBytes(5000));
    await backup(box);
  }
  const all = await wholePoints(box, signal);
  const data = () => objectsOf(box).filter((key) => key.startsWith('tar/'));
  const before = data();
  /** The records of all points but one, and of that what was captured with it; or of two the records alone. */
  const lose = (kind: number) => {
    for (const key of objectsOf(box)) {
      const [, , folder, name = ''] = key.split('/');
      const spared = name.startsWith(all[kind] ?? '');
      if ((folder === 'points' && !spared) || (folder === 'captures' && (spared || kind === 1)))
        rmSync(join(box.repository, key));
    }
  };
  let moments: Moments | undefined;
  let kills = 0;
  for (let turn = 0; turn < turns; turn += 1) {
    lose(turn % 3);
    const args = await agreed(box, ['points', 'repair']);
    if (moments === undefined) {
      ({ moments } = await measured(box, args));
      lose(turn % 3);
    }
    const known = runsOf(box);
    const { at, ended } = await kill(box, args, moments, next);
    const where = `seed ${seed}, repair ${turn}, killed at ${at}`;
    if (ended.code === null) kills += 1;
    expect(data(), where).toEqual(before);
    expect(all, where).toEqual(expect.arrayContaining(await wholePoints(box, signal)));
    const id = openRun(box, known);
    const way = ['resume', 'undo', 'next run'][Math.floor(next() * 3)] ?? '';
    if (id !== undefined && way !== 'next run') {
      const resumed = await box.ask('runs', 'resume', id, ...(way === 'undo' ? ['--undo'] : []));
      expect({ code: resumed.code, ...resumed.json.error }, `${where}, ${way}`).toEqual({ code: 0 });
    }
    const { code, json } = await box.ask(...(await agreed(box, ['points', 'repair'])));
    expect({ code, ...json.error, findings: json.run?.findings }, `${where}, ${way}`).toEqual({
      code: 0,
      findings: [],
    });
    expect(data(), where).toEqual(before);
    expect((await wholePoints(box, signal)).toSorted(), `${where}, ${way}`).toEqual(all.toSorted());
    expect(
      objectsOf(box).filter((key) => key.includes('lock') || key.includes('/forgotten/')),
      where,
    ).toEqual([]);
  }
  console.log(`seed ${seed}: ${kills} of ${turns} repairs were killed`);
}
