/**
 * Node without the languages that nobody is spoken to in here: of the data that its part for them (ICU) carries, a third of the program,
 * only what is English or of no language stays. Collation, case, normal forms, time zones and the like work as before; whoever asks for
 * another language gets English.
 */
import { readFile, writeFile } from 'node:fs/promises';

/** Names of items, as `coll/en.res`, without the name of the package that they begin with. */
const kept: readonly RegExp[] = [
  /^((coll|brkitr|curr|lang|region|unit|zone|rbnf)\/)?(root|en|en_US|en_US_POSIX|res_index|pool|ucadata)\.(res|icu)$/,
  /^brkitr\/\w+\.brk$/,
  // What is no language: rules, names of zones, properties of characters.
  /^(?!(unames|confusables)\.)[A-Za-z0-9]{5,}\.(res|icu|nrm)$/,
];

interface Item {
  readonly name: string;
  readonly nameAt: number;
  readonly at: number;
}

/** A program that takes its data from elsewhere stays as it is. */
export async function dropLanguages(file: string): Promise<void> {
  const program = await readFile(file);
  const start = tableIn(program);
  if (start === undefined) return;
  dropItems(program.subarray(start), (name) => kept.some((pattern) => pattern.test(name)));
  await writeFile(file, program);
}

/**
 * Where the table of items begins. Source: ICU's `udatamem.h` and `ucmndata.h`: length of the header (2 bytes), 0xda 0x27, what else the
 * header says, with the kind of data from its 12th byte on, then the table.
 */
function tableIn(program: Buffer): number | undefined {
  for (let at = program.indexOf('CmnD'); at !== -1; at = program.indexOf('CmnD', at + 1)) {
    if (program.readUInt16BE(at - 10) === 0xda27) return at - 12 + program.readUInt16LE(at - 12);
  }
  return undefined;
}

/**
 * Takes items out of a table, and zeros for what they held; what stays keeps its place.
 *
 * @param table their number, then for each the places of its name and its content, counted from here, sorted by name
 */
export function dropItems(table: Buffer, keeps: (name: string) => boolean): void {
  const items = Array.from({ length: table.readUInt32LE(0) }, (_, index): Item => {
    const nameAt = table.readUInt32LE(4 + 8 * index);
    const name = table.toString('latin1', nameAt, table.indexOf(0, nameAt));
    return { name, nameAt, at: table.readUInt32LE(8 + 8 * index) };
  });
  // Where the last one ends, the table does not say.
  const stays = items.filter(({ name }, index) => index === items.length - 1 || keeps(name.replace(/^[^/]*\//, '')));
  for (const [index, item] of items.entries()) {
    if (stays.includes(item)) continue;
    table.fill(0, item.nameAt, item.nameAt + item.name.length);
    table.fill(0, item.at, items[index + 1]?.at);
  }
  table.fill(0, 4, 4 + 8 * items.length);
  table.writeUInt32LE(stays.length, 0);
  for (const [index, { nameAt, at }] of stays.entries()) {
    table.writeUInt32LE(nameAt, 4 + 8 * index);
    table.writeUInt32LE(at, 8 + 8 * index);
  }
}
