/** Starting a medium in a virtual machine, and putting on record whether it did what it has to. */
import { writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { hostIdentity } from '../host/identity.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { parseDuration } from '../kernel/units.ts';
import { firmwareKinds } from '../machine/firmware.ts';
import { type BootFormat, formatOfImage } from '../media/boot-machine.ts';
import { type BootRequest, type BootResult, testBoot } from '../media/boot-test.ts';
import { folderOfMedium, knownMedia, rememberBoot } from '../media/known.ts';
import type { Medium } from '../media/medium.ts';
import { BOOT_FORMAT, type BootRecord, putBoot } from '../point/media.ts';
import { installedQemu } from '../qemu/program.ts';
import { startedBy } from '../rescue/firmware.ts';
import { openConfigured } from '../steps/repository.ts';
import { chosenAccelerator, noteNoKvm } from './accelerator.ts';
import { table } from './output.ts';
import { hostNameOf } from './requests.ts';
import { configured, type Session } from './session.ts';
import { version } from './version.ts';

export interface BootOptions {
  readonly firmware?: string;
  readonly format?: string;
  readonly memory: string;
  readonly accelerator?: string;
  readonly limit: string;
  /** @default below the state directory */
  readonly output?: string;
}

export interface BootDocument extends Omit<BootRecord, 'medium'> {
  /** Absent where it did not come so far as to say which one it is, and nobody knows besides. */
  readonly medium?: BootRecord['medium'];
  /** Directory with `serial.log`, `screen.png` and `result.json`. */
  readonly files: string;
  readonly onRecord: OnRecord;
}

/** Where the result is attested; or why it is not, and whether it should be. */
type OnRecord = { readonly key: string } | { readonly why: string; readonly missed: boolean };

interface Which {
  readonly medium: Medium;
  /** Of all that it consists of. */
  readonly digest: string;
}

/**
 * @param which medium it is, for one that is not known by its place yet
 * @throws LifeboatError `usage`, `not-found`, `tool-missing`; a medium that does not start is a result
 */
export async function bootRescue(
  image: string,
  options: BootOptions,
  session: Session,
  which?: Which,
): Promise<BootDocument> {
  const { host, signal, context } = session;
  const { stateDir } = context;
  const path = resolve(image);
  const at = new Date().toISOString();
  const place = {
    image: path,
    format: chosen('format', formats, options.format) ?? (await formatOfImage(path)),
    firmware: chosen('firmware', firmwareKinds, options.firmware) ?? (await startedBy(host, signal)),
    memoryMiB: memoryOf(options.memory),
  };
  const known = which ?? (await knownMedia(stateDir)).find(({ output }) => output === path);
  const folder = known === undefined ? join(stateDir, 'rescue/boots') : folderOfMedium(stateDir, known.medium.id);
  const output = resolve(options.output ?? join(folder, place.firmware));
  const request = { ...place, limitMs: parseDuration(options.limit), output };
  const result = await tested(request, options.accelerator, session);
  const { inside, passed, problem, accelerator, menu, total } = result;
  const found = inside ?? known;
  const record = {
    format: BOOT_FORMAT,
    at,
    by: { host: (await hostIdentity(host, signal)).name, version: version() },
    as: place.format,
    firmware: place.firmware,
    accelerator,
    memoryMiB: place.memoryMiB,
    passed,
    ...present({ problem, menu }),
    checks: inside?.checks ?? [],
    total,
  } as const;
  const medium = found === undefined ? undefined : mediumOf(found);
  const document: BootDocument = {
    ...record,
    ...present({ medium }),
    files: output,
    onRecord: medium === undefined ? unknown : await putOnRecord({ ...record, medium }, session),
  };
  await writeFile(join(output, 'result.json'), `${JSON.stringify(document, null, 2)}\n`);
  const noted = (await knownMedia(stateDir)).find((one) => one.medium.id === medium?.id);
  if (noted !== undefined) await rememberBoot(stateDir, noted, { at, firmware: place.firmware, passed });
  return document;
}

const formats = ['iso', 'usb', 'raw', 'pxe'] as const satisfies readonly BootFormat[];
const unknown: OnRecord = { why: 'which medium it is, is not known', missed: false };

/** @throws LifeboatError `usage` */
function memoryOf(typed: string): number {
  if (/^[1-9]\d{1,5}$/.test(typed)) return Number(typed);
  throw new LifeboatError('usage', `no amount of memory: ${typed}`, { hint: 'Give it in MiB, as 1024.' });
}

/** @throws LifeboatError `usage` for what is none of them */
function chosen<T extends string>(what: string, all: readonly T[], typed: string | undefined): T | undefined {
  const found = all.find((one) => one === typed);
  if (typed === undefined || found !== undefined) return found;
  throw new LifeboatError('usage', `no ${what} ${typed}`, { hint: `There is: ${all.join(', ')}.` });
}

/** Where nobody chose: on the processor itself, and in software where its kernel does not start by that, until this host starts anew. */
async function tested(request: BootRequest, asked: string | undefined, session: Session): Promise<BootResult> {
  const { signal, globals, context } = session;
  const say = (text: string) => void (globals.quiet || process.stderr.write(`${text}\n`));
  const qemu = await installedQemu();
  const accelerator = await chosenAccelerator(asked, context.stateDir);
  say(
    `${request.image} is started by ${request.firmware}: minutes${accelerator === 'kvm' ? '' : ', as it is emulated'}`,
  );
  const result = await testBoot(request, { qemu, accelerator }, signal);
  if (result.started || asked !== undefined || accelerator === 'tcg') return result;
  say('nothing starts by /dev/kvm here: it is tried in software');
  await noteNoKvm(context.stateDir);
  return await testBoot(request, { qemu, accelerator: 'tcg' }, signal);
}

function mediumOf({ medium, digest }: Which): BootRecord['medium'] {
  const { id, made, host, kernel, version } = medium;
  return { id, digest, made, host, kernel: kernel.version, version };
}

async function putOnRecord(record: BootRecord, session: Session): Promise<OnRecord> {
  const { globals, host, opening, signal } = session;
  if (globals.repository === undefined && !existsSync(resolve(globals.config)))
    return { why: 'no repository is configured', missed: false };
  try {
    const { config } = await configured(globals);
    await using repository = await openConfigured(config, opening, signal);
    return { key: await putBoot(repository, await hostNameOf(config, host, signal), record, signal) };
  } catch (error) {
    signal.throwIfAborted();
    return { why: asLifeboatError(error).message, missed: true };
  }
}

/** Of the command: what is not on record that should be is not done, also where the medium is well. */
export const bootStatus = ({ passed, onRecord }: BootDocument): 0 | 1 | 4 =>
  !passed ? 1 : 'missed' in onRecord && onRecord.missed ? 4 : 0;

export function bootText({
  passed,
  problem,
  firmware,
  checks,
  menu,
  total,
  accelerator,
  files,
  onRecord,
}: BootDocument): string {
  const spent = ({ seconds, cpuSeconds }: BootRecord['total']) => `${seconds} s (${cpuSeconds} s of processor)`;
  const rows = checks.map((check) => [check.passed ? 'ok' : 'WRONG', check.name, check.detail]);
  return [
    passed ? `It starts by ${firmware}, and is what it has to be.` : `It does not do what it has to by ${firmware}.`,
    ...(menu === undefined ? [] : [`The menu came after ${spent(menu)}.`]),
    `All took ${spent(total)}${accelerator === 'tcg' ? ', emulated' : ''}.`,
    ...(rows.length === 0 ? [] : ['', table(['', 'check', ''], rows)]),
    ...(problem === undefined ? [] : ['', problem]),
    '',
    `serial line, screen and result: ${files}`,
    'key' in onRecord ? `on record: ${onRecord.key}` : `not on record: ${onRecord.why}`,
  ].join('\n');
}
