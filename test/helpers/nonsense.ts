/** Recordings of which one answer is nonsense: of each, every answer, in every sort of nonsense. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { recordedHost, type Recording, recordingSchema } from '../../src/host/recorded.ts';
import { captureLayout } from '../../src/layout/capture.ts';
import { layoutChanges } from '../../src/layout/diff.ts';
import { parseLayout } from '../../src/layout/types.ts';

const now = new Date('2026-11-21T12:00:00Z');
const folders = ['lab', 'machine'].map((name) => join(import.meta.dirname, '../fixtures', name));

interface Told {
  readonly name: string;
  readonly recording: Recording;
}

/** All recorded machines with disks of their own. */
function recordings(): Told[] {
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith('.json'))
      .sort()
      .map((file) => ({
        name: file.slice(0, -'.json'.length),
        recording: recordingSchema.parse(JSON.parse(readFileSync(join(folder, file), 'utf8'))),
      })),
  );
}

/** Each makes of an answer another; `chance` below 1 says where. */
const sorts: Readonly<Record<string, (text: string, chance: number) => string>> = {
  'nothing at all': () => '',
  'half of it': (text) => text.slice(0, text.length / 2),
  'a huge number': (text, chance) => withNumber(text, chance, '99999999999999999999'),
  'a negative number': (text, chance) => withNumber(text, chance, '-7'),
  'no number': (text, chance) => withNumber(text, chance, 'many'),
  'other bytes': (text, chance) => replaced(text, Math.floor(chance * text.length), 8, '\udcff'.repeat(8)),
  'no bytes': (text, chance) => replaced(text, Math.floor(chance * text.length), 8, '\0'.repeat(8)),
};

function withNumber(text: string, chance: number, number: string): string {
  const found = [...text.matchAll(/\d+/g)];
  const one = found[Math.floor(chance * found.length)];
  return one === undefined ? text : replaced(text, one.index, one[0].length, number);
}

const replaced = (text: string, from: number, length: number, by: string): string =>
  text.slice(0, from) + by + text.slice(from + length);

/**
 * Captures of each machine with one answer that is nonsense; of all that there are, one in `every`.
 *
 * @returns how many there were
 * @throws Error with the first that is no layout
 */
export async function capturesOfNonsense(every: number, signal: AbortSignal): Promise<number> {
  const cases = recordings()
    .flatMap(nonsenseOf)
    .filter((_, index) => index % every === 0);
  for (const { title, make } of cases) {
    try {
      const layout = await captureLayout(recordedHost(make()), now, signal);
      parseLayout(JSON.parse(JSON.stringify(layout)));
    } catch (error) {
      throw new Error(title, { cause: error });
    }
  }
  return cases.length;
}

/**
 * Captures of each machine with one question that fails, one in `every`, each compared with the whole one in both directions.
 *
 * @returns how many there were, and what was told as a change
 */
export async function changesOfFailures(
  every: number,
  signal: AbortSignal,
): Promise<{ readonly count: number; readonly told: readonly string[] }> {
  const all = recordings().flatMap((one) => failuresOf(one).map((failure) => ({ ...failure, of: one })));
  const cases = Map.groupBy(
    all.filter((_, index) => index % every === 0),
    (failure) => failure.of,
  );
  const told: string[] = [];
  for (const [{ name, recording }, failures] of cases) {
    const whole = await captureLayout(recordedHost(recording), now, signal);
    for (const { title, make } of failures) {
      const partial = await captureLayout(recordedHost(make()), now, signal);
      const changes = [...layoutChanges(whole, partial), ...layoutChanges(partial, whole)];
      told.push(...changes.map(({ text }) => `${name}: ${title}: ${text}`));
    }
  }
  return { count: [...cases.values()].flat().length, told };
}

/** With one answer that is nonsense, for each answer of a machine and each sort. */
function nonsenseOf({ name, recording }: Told): { readonly title: string; readonly make: () => Recording }[] {
  const made = Object.entries(sorts).flatMap(([sort, change]) => {
    const changed = (title: string, text: string): string => change(text, chanceOf(`${name} ${title}`));
    const commands = recording.commands.map((command, index) => {
      const title = `${command.argv.join(' ')}: ${sort}`;
      const make = () => withCommand(recording, index, { stdout: changed(title, command.stdout) });
      return { title, make };
    });
    const files = Object.entries(recording.files).flatMap(([path, content]) => {
      const title = `${path}: ${sort}`;
      const make = () => ({ ...recording, files: { ...recording.files, [path]: changed(title, content ?? '') } });
      return content === null ? [] : [{ title, make }];
    });
    return [...commands, ...files];
  });
  return [...made, ...failuresOf({ name, recording })].map(({ title, make }) => ({ title: `${name}: ${title}`, make }));
}

/** With one question that fails, for each. */
function failuresOf({ recording }: Told): { readonly title: string; readonly make: () => Recording }[] {
  return [
    ...recording.commands.map((command, index) => ({
      title: `${command.argv.join(' ')}: failed`,
      make: () => withCommand(recording, index, { code: 99, stdout: '', stderr: 'failed\n' }),
    })),
    ...Object.keys(recording.files).map((path) => ({
      title: `${path}: failed`,
      // What a recording does not hold cannot be read.
      make: () => {
        const { [path]: _, ...files } = recording.files;
        return { ...recording, files };
      },
    })),
  ];
}

function withCommand(recording: Recording, index: number, change: Partial<Recording['commands'][number]>): Recording {
  return { ...recording, commands: recording.commands.map((one, at) => (at === index ? { ...one, ...change } : one)) };
}

/** The same for the same text, on every day. */
const chanceOf = (text: string): number => createHash('sha256').update(text).digest().readUInt32LE(0) / 2 ** 32;
