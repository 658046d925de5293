/** The walls between the rooms of `src/`: every forbidden import is refused by the lint, every allowed one is not. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rooms } from '../oxlint.config.ts';

const root = join(import.meta.dirname, '..');
let copy = '';

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'lifeboat-walls-'));
  copyFileSync(join(root, 'oxlint.config.ts'), join(copy, 'oxlint.config.ts'));
  writeFileSync(join(copy, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

/** Writes one file of one import, deep in the room or at its door. */
function probe(room: string, name: string, line: string, deep: boolean): string {
  const file = deep ? `src/${room}/inner/${name}.ts` : `src/${room}/${name}.ts`;
  mkdirSync(join(copy, 'src', room, 'inner'), { recursive: true });
  writeFileSync(join(copy, file), `${line}\nexport type { Thing };\n`);
  return file;
}

/** Files in which the lint refuses an import. */
function refused(): Set<string> {
  const lint = spawnSync(join(root, 'node_modules/.bin/oxlint'), ['--format', 'json', 'src'], {
    cwd: copy,
    encoding: 'utf8',
  });
  const report: { number_of_files: number; diagnostics: { code: string; filename: string }[] } = JSON.parse(
    lint.stdout,
  );
  expect(report.number_of_files, 'files that the lint has read').toBeGreaterThan(100);
  const restricted = report.diagnostics.filter(({ code }) => code.includes('no-restricted-imports'));
  return new Set(restricted.map(({ filename }) => filename));
}

test('each import between two rooms is refused or allowed as the table says', () => {
  const names = Object.keys(rooms);
  const forbidden = new Set<string>();
  for (const room of names) {
    for (const other of names.filter((name) => name !== room)) {
      for (const deep of [false, true]) {
        const up = deep ? '../..' : '..';
        const line = `import type { Thing } from '${up}/${other}/some/thing.ts';`;
        const file = probe(room, `uses-${other}`, line, deep);
        const allowed = room !== 'kernel' && (other === 'kernel' || rooms[room]?.includes(other));
        if (!allowed) forbidden.add(file);
      }
    }
  }
  forbidden.add(probe('kernel', 'uses-a-package', `import type { Thing } from 'zod';`, false));
  probe('kernel', 'uses-node', `import type { Stats as Thing } from 'node:fs';`, false);
  forbidden.add(probe('engine', 'uses-workflows', `import type { Thing } from '../../workflows/x.ts';`, false));
  expect([...refused()].sort()).toEqual([...forbidden].sort());
});

test('every folder of src is a room of the table', () => {
  expect(readdirSync(join(root, 'src')).sort()).toEqual(Object.keys(rooms).sort());
});
