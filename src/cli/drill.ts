/** `lifeboat drill`: what a drill takes of this host, and what is kept of it. */
import { hash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { arch, availableParallelism, freemem, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import type { Config } from '../config/schema.ts';
import { drill } from '../drill/drill.ts';
import { drillMachine, type Room } from '../drill/machine.ts';
import { reportPage } from '../drill/page.ts';
import type { DrillReport } from '../drill/report.ts';
import { checkMemory, checkSpace, imageBytes, reserveOf } from '../drill/room.ts';
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import { asLifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { parseBytes } from '../kernel/units.ts';
import { putRecovered } from '../point/attestations.ts';
import { readCaptures } from '../point/records.ts';
import { findPoint } from '../point/find.ts';
import { ATTESTATION_FORMAT, type Recovered } from '../point/point.ts';
import { installedQemu } from '../qemu/program.ts';
import type { Accelerator } from '../qemu/spec.ts';
import { type OpenRepository, openConfigured } from '../steps/repository.ts';
import { wantedChecks } from './drill-checks.ts';
import { filesDrill } from './drill-files.ts';
import { drillMedium } from './drill-medium.ts';
import { type DrillPlace, limitOf, openDrillPlace, privateDirectory, spaceAt } from './drill-place.ts';
import { provisionsOf } from './drill-secrets.ts';
import { chosenAccelerator, noteNoKvm } from './accelerator.ts';
import { hostNameOf } from './requests.ts';
import { configured, type Session } from './session.ts';
import { programFolder, version } from './version.ts';

export interface DrillOptions {
  readonly point: string;
  readonly files: boolean;
  readonly memory?: string;
  readonly medium?: string;
  readonly accelerator?: string;
  readonly keep?: string;
  readonly output?: string;
}

export interface DrillDocument extends DrillReport {
  /** Directory with `report.json`, `report.html` and what both are of. */
  readonly files: string;
  /** Of a drill that failed, as of any command that does. */
  readonly error?: { readonly code: 'machine-failed' | 'difference'; readonly message: string; readonly hint: string };
  /** Whether it is on record with the point; or why it is not. */
  readonly onRecord: true | string;
}

/** @throws LifeboatError where nothing can be tried: a drill that fails is a result */
export async function drillHost(options: DrillOptions, session: Session): Promise<DrillDocument> {
  const { globals, host, signal, context, opening } = session;
  const { config } = await configured(globals);
  const hostName = await hostNameOf(config, host, signal);
  await using repository = await openConfigured(config, opening, signal);
  await using place = await openDrillPlace(context.stateDir);
  const { evidence } = place;
  const report = options.files
    ? await filesDrill(
        { point: options.point, hostName, place, ...present({ keep: options.keep }) },
        config,
        repository,
        session,
      )
    : await machineDrill(options, config, hostName, repository, place, session);
  await writeFileAtomic(join(evidence, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  const page = await reportPage(report, evidence);
  await writeFile(join(evidence, 'report.html'), page);
  if (options.output !== undefined) await writeFileAtomic(resolve(options.output), page, 0o644);
  return {
    ...report,
    files: evidence,
    ...(report.result === 'failed' ? { error: failure(report, evidence) } : {}),
    onRecord: await putOnRecord(report, evidence, hostName, repository, signal),
  };
}

function failure({ what, problem }: DrillReport, evidence: string): NonNullable<DrillDocument['error']> {
  const [first = ''] = (problem ?? '').split('\n');
  return {
    code: what === 'files' ? 'difference' : 'machine-failed',
    message: `the drill failed: ${first}`,
    hint: `See ${join(evidence, 'report.html')}, and serial.log beside it.`,
  };
}

/** What would be done: nothing is. */
export async function plannedDrill(
  { point: named, files, memory }: DrillOptions,
  { globals, host, signal, opening }: Session,
) {
  const { config } = await configured(globals);
  const hostName = await hostNameOf(config, host, signal);
  await using repository = await openConfigured(config, opening, signal);
  const { point } = await findPoint(repository, hostName, named, signal);
  const about = { host: hostName, point: point.id, pointMadeAt: point.createdAt };
  if (files) return { ...about, what: 'files' as const, bytes: point.data.bytes };
  const captured = await readCaptures(repository, point, signal);
  return {
    ...about,
    what: 'machine' as const,
    machine: drillMachine(captured, roomHere(memory ?? config.drill?.memory)),
  };
}

/** What this host can give to a machine. */
function roomHere(memory: string | undefined): Room {
  return {
    ...(memory === undefined ? {} : { memoryMiB: Math.ceil(parseBytes(memory) / 2 ** 20) }),
    // Half of what nobody uses, for this host goes on with its work.
    spareMiB: Math.floor(availableMiB() / 2),
    cpus: availableParallelism(),
    architecture: arch() === 'x64' ? 'x86_64' : arch(),
  };
}

/** Of the host, within what this command is confined to: its limit, as caches count for what it takes, and are no loss. */
function availableMiB(): number {
  const limit = process.constrainedMemory();
  return Math.floor((limit > 0 ? Math.min(freemem(), limit) : freemem()) / 2 ** 20);
}

async function machineDrill(
  options: DrillOptions,
  config: Config,
  hostName: string,
  repository: OpenRepository,
  { evidence, scratch }: DrillPlace,
  session: Session,
): Promise<DrillReport> {
  const { signal, context, globals } = session;
  const say = (text: string): void => void (globals.quiet || process.stderr.write(`${text}\n`));
  const qemu = await installedQemu();
  const { point } = await findPoint(repository, hostName, options.point, signal);
  const captured = await readCaptures(repository, point, signal);
  const memory = options.memory ?? config.drill?.memory;
  const room = roomHere(memory);
  const like = drillMachine(captured, room);
  checkMemory(like.memoryMiB, { availableMiB: availableMiB(), totalMiB: Math.floor(totalmem() / 2 ** 20) });
  // One directory for all that is kept: in it is whatever the host holds.
  const images = options.keep === undefined ? join(scratch, 'images') : join(resolve(options.keep), 'images');
  await privateDirectory(images);
  const space = await spaceAt(images);
  const disks = like.disks.map(({ sizeBytes }) => sizeBytes);
  checkSpace('its disks', imageBytes(captured.layout, point.data.bytes, disks), space);
  const medium = await drillMedium(options.medium, captured, session, say);
  const request = {
    host: hostName,
    point: { id: point.id, createdAt: point.createdAt },
    captured,
    target: repository.target,
    medium,
    provisions: provisionsOf(config, hostName, captured.layout, context.secrets),
    room,
    ...present({ canary: point.canary }),
    checks: wantedChecks(config.drill?.checks ?? []),
    mayFail: config.drill?.mayFail ?? [],
    evidence,
    agent: join(programFolder(), 'native/build/lifeboat-agent'),
    version: version(),
    limitMs: limitOf(config, point.data.bytes),
    reserveBytes: reserveOf(space.totalBytes),
    images,
    say,
  };
  const run = async (accelerator: Accelerator): Promise<DrillReport> =>
    await drill(request, { qemu, accelerator }, signal);
  const chosen = await chosenAccelerator(options.accelerator, context.stateDir);
  const report = await run(chosen);
  if (report.result !== 'failed' || chosen === 'tcg' || options.accelerator !== undefined) return report;
  if (await started(evidence)) return report;
  say('nothing starts by /dev/kvm here: it is tried in software');
  await noteNoKvm(context.stateDir);
  return await run('tcg');
}

/** Whether a kernel ran at all: where not, it may be the fault of the accelerator. */
const started = async (evidence: string): Promise<boolean> =>
  /lifeboat: looking for/.test(await readFile(join(evidence, 'serial.log'), 'utf8'));

/** The files of evidence count by their digests, this report included. */
async function putOnRecord(
  report: DrillReport,
  evidence: string,
  hostName: string,
  repository: OpenRepository,
  signal: AbortSignal,
): Promise<true | string> {
  const { what, result, problem, seconds, rpoSeconds, phases, recovery, machine, checks, unchecked } = report;
  const digest = hash('sha256', await readFile(join(evidence, 'report.json')));
  const attestation: Recovered = {
    format: ATTESTATION_FORMAT,
    kind: 'recovered',
    how: 'drill',
    what,
    point: report.point,
    at: new Date().toISOString(),
    by: { host: hostName, version: version() },
    result,
    ...present({ problem: problem?.slice(0, 4000) }),
    seconds,
    rpoSeconds,
    phases: phases.map(({ name, seconds }) => ({ name, seconds })),
    ...present({ proof: recovery?.proof }),
    ...(machine === undefined ? {} : { machine: recordOf(machine) }),
    checks,
    ...present({ unchecked }),
    evidence: { ...report.evidence, 'report.json': digest },
  };
  try {
    await putRecovered(repository, hostName, attestation, signal);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    return asLifeboatError(error).message;
  }
}

function recordOf({ firmware, accelerator, memoryMiB, disks }: NonNullable<DrillReport['machine']>) {
  return { firmware, accelerator, memoryMiB, disks: disks.map(({ sizeBytes, serial }) => ({ sizeBytes, serial })) };
}

/** Of the command: what is not on record that should be is not done, also where the drill passed. */
export const drillStatus = ({ result, onRecord }: DrillDocument): 0 | 1 | 4 =>
  result === 'failed' ? 1 : result !== 'passed' || onRecord !== true ? 4 : 0;
