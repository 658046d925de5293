/**
 * `npm run quickstart [-- PATH…]`: the main job on this machine, from nothing, below `./.quickstart` and nowhere else.
 * Captures the machine, backs up `/etc` or the paths given, reads it back, restores it, compares it with the original.
 */
import { readFile, realpath, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { backup } from '../../workflows/backup.ts';
import { restore } from '../../workflows/restore.ts';
import { compareTrees, manifestChanges } from '../engine/compare.ts';
import type { Finding } from '../engine/engine.ts';
import { namedPaths } from '../engine/tar/include.ts';
import { walkTree } from '../engine/walk.ts';
import { makeDirectory, writeFileAtomic } from '../kernel/atomic-write.ts';
import { asLifeboatError, exitStatusOf, explaining, LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import { formatDuration } from '../kernel/units.ts';
import { parseRecoveryCode } from '../keys/recovery-code.ts';
import { layoutChanges } from '../layout/diff.ts';
import { networkChanges } from '../network/diff.ts';
import { networkText } from '../network/text.ts';
import { findPoint } from '../point/find.ts';
import { type ListedPoint, listPoints, readCaptures } from '../point/records.ts';
import { openConfigured } from '../steps/repository.ts';
import { type RunOutcome, startRun } from '../workflow/runs.ts';
import { commandLine, type Globals } from './globals.ts';
import { initialise } from './init.ts';
import { checkCode } from './keys/check.ts';
import { printError } from './output.ts';
import { pointText } from './point-text.ts';
import type { WholePoint } from './points.ts';
import { hostNameOf } from './requests.ts';
import { configured, openSession, type Session } from './session.ts';

const MAX_NAMES = 15;

interface Places {
  readonly base: string;
  readonly restored: string;
}

async function quickstart(paths: readonly string[]): Promise<void> {
  const base = await ownDirectory(resolve('.quickstart'));
  const places: Places = { base, restored: join(base, 'restored') };
  const globals: Globals = {
    config: join(base, 'lifeboat.yaml'),
    stateDir: join(base, 'state'),
    json: false,
    dryRun: false,
    quiet: false,
    logLevel: 'info',
    color: true,
  };
  const include = (paths.length === 0 ? ['/etc'] : paths).map((path) => resolve(path));
  const { recovery } = await initialise(
    {
      repository: pathToFileURL(join(base, 'repository')).href,
      engine: 'tar',
      include,
      exclude: [literally(base)],
      writeOnly: false,
      encryption: true,
      force: true,
    },
    globals,
  );
  await proveCode(recovery?.code, globals);
  await using session = openSession(globals);
  await protect(session, places, include);
}

/** On a real host a person types it from paper; here it lies beside the repository that it opens. */
async function proveCode(code: string | undefined, globals: Globals): Promise<void> {
  const file = codeFile(globals);
  if (code !== undefined) await writeFileAtomic(file, `${code}\n`, 0o600);
  const noted = await explaining('read the recovery code', () => readFile(file, 'utf8'));
  await checkCode(globals, parseRecoveryCode(noted));
}

function codeFile({ config }: Globals): string {
  return join(dirname(config), 'recovery-code.txt');
}

/** By its real name, which is the one that archives and walks know. */
async function ownDirectory(path: string): Promise<string> {
  return explaining(`create ${path}`, async () => {
    await makeDirectory(path);
    return realpath(path);
  });
}

/** A path as a pattern that matches itself alone. */
function literally(path: string): string {
  return path.replace(/[\\*?[\]]/g, '\\$&');
}

async function protect(session: Session, places: Places, include: readonly string[]): Promise<void> {
  const { globals, signal, context } = session;
  const { config, inputs } = await configured(globals);
  const hostName = await hostNameOf(config, session.host, signal);
  await using repository = await openConfigured(config, session.opening, signal);
  const before = (await listPoints(repository, hostName, signal)).points.at(-1);

  const backedUp = await startRun(backup, inputs, context, signal);
  if (backedUp.error) throw backedUp.error;
  const found = await findPoint(repository, hostName, 'latest', signal);
  const point = { ...found, captures: await readCaptures(repository, found.point, signal) };

  await rm(places.restored, { recursive: true, force: true });
  const restoreRequest = { paths: [], directory: places.restored };
  const request = { ...inputs, hostName, pointName: point.point.id, restoreRequest };
  const restored = await startRun(restore, request, context, signal);
  if (restored.error) throw restored.error;

  const started = performance.now();
  const differences = await compareWithOriginal(session, places, include);
  const comparedMs = performance.now() - started;

  const changes = before ? await changesSince(before, point, repository, signal) : [];
  print(session, { places, point, changes, differences, comparedMs, backedUp, restored });
}

/** Content and metadata of every file, read anew from the disk on both sides. */
async function compareWithOriginal(
  { host, signal }: Session,
  { base, restored }: Places,
  include: readonly string[],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  // By the names that the engine stored them under, not through symlinks above them.
  const { paths: prefixes } = await namedPaths(host, include, signal);
  for (const prefix of prefixes) {
    // A filesystem of its own below another one that is included is compared when its turn comes.
    const others = prefixes.filter((other) => other !== prefix).map((other) => `/${other}`);
    const original = walkTree('/', prefix, { hash: true, oneFileSystem: true, skip: [base, ...others] }, signal);
    const copy = walkTree(restored, prefix, { hash: true, skip: others }, signal);
    findings.push(...(await compareTrees(original, copy)));
  }
  return findings;
}

/** The proof does not depend on the point before: that it is damaged is told, and the result kept. */
async function changesSince(...given: Parameters<typeof describeChanges>): Promise<string[]> {
  try {
    return await describeChanges(...given);
  } catch (error) {
    if (!(error instanceof LifeboatError) || error.code === 'interrupted') throw error;
    const [before] = given;
    return [`cannot compare with the point before (${before.point.id}): ${printable(error.message)}`];
  }
}

async function describeChanges(
  before: ListedPoint,
  now: WholePoint,
  repository: Awaited<ReturnType<typeof openConfigured>>,
  signal: AbortSignal,
): Promise<string[]> {
  const { target, engine, keys } = repository;
  const entriesOf = ({ point }: ListedPoint) => {
    const { stored } = point.data;
    return engine.entries({ target, hostName: point.host.name, pointId: point.id, sealing: keys, stored }, signal);
  };
  if (before.point.include.join('\n') !== now.point.include.join('\n')) {
    return [`The point before (${before.point.id}) holds other paths: ${printable(before.point.include.join(' '))}`];
  }
  const files = await manifestChanges(entriesOf(before), entriesOf(now));
  const named = (what: string, names: readonly string[]) => [
    `  ${names.length} ${what}`,
    ...names.slice(0, MAX_NAMES).map((name) => `    ${printable(name)}`),
    ...(names.length > MAX_NAMES ? [`    … and ${names.length - MAX_NAMES} more`] : []),
  ];
  const then = await readCaptures(repository, before.point, signal);
  const machine = [
    ...layoutChanges(then.layout, now.captures.layout),
    ...networkChanges(then.network, now.captures.network),
  ];
  return [
    `Changed since the point ${before.point.id}`,
    ...named('entries added', files.added),
    ...named('entries removed', files.removed),
    ...named('entries changed', files.changed),
    ...(machine.length === 0 ? ['  storage and network: the same'] : machine.map(({ text }) => `  ${printable(text)}`)),
  ];
}

interface Result {
  readonly places: Places;
  readonly point: WholePoint;
  readonly changes: readonly string[];
  readonly differences: readonly Finding[];
  readonly comparedMs: number;
  readonly backedUp: RunOutcome;
  readonly restored: RunOutcome;
}

function print({ globals }: Session, result: Result): void {
  const { places, point, changes, differences, comparedMs, backedUp, restored } = result;
  const took = (outcome: RunOutcome, step: string) =>
    formatDuration(outcome.report.finishedSteps.find(({ id }) => id === step)?.ms ?? 0);
  const lines = [
    '',
    pointText(point),
    '',
    'Network',
    networkText(point.captures.network),
    '',
    'Times',
    `  store ${took(backedUp, 'store.data')}, read back ${took(backedUp, 'verify.read-back')}, ` +
      `restore ${took(restored, 'restore.files')}, compare with the original ${formatDuration(comparedMs)}`,
    '',
    ...(changes.length === 0 ? ['This is the first point; run it again to see what changes.'] : changes),
    '',
    ...verdict(differences, backedUp, restored),
    '',
    `The repository is encrypted. Its recovery code is in ${codeFile(globals)}, for this demonstration only.`,
    '',
    'Try next',
    ...next(globals, places, point),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function verdict(differences: readonly Finding[], backedUp: RunOutcome, restored: RunOutcome): string[] {
  const incomplete = [...backedUp.report.findings, ...restored.report.findings];
  if (incomplete.length > 0) process.exitCode = 4;
  if (differences.length > 0) process.exitCode = 3;
  const list = (findings: readonly Finding[]) =>
    findings.slice(0, 50).map(({ subject, problem }) => `  ! ${printable(subject)}: ${printable(problem)}`);
  return [
    ...(incomplete.length === 0 ? [] : [`Incomplete: ${incomplete.length} finding(s)`, ...list(incomplete)]),
    ...(differences.length === 0
      ? ['Proven: what was restored equals the original, in content and metadata of every file.']
      : [`${differences.length} difference(s) between the original and what was restored`, ...list(differences)]),
  ];
}

function next(globals: Globals, { base, restored }: Places, { point }: ListedPoint): string[] {
  const lifeboat = (rest: string) => commandLine(globals, rest).replace('lifeboat', 'npm run -s lifeboat --');
  return [
    `  ls ${restored}`,
    `  ${lifeboat('points list')}`,
    `  ${lifeboat(`restore ${point.id} ${point.include[0]} --to ${join(base, 'again')}`)}`,
    `  npm run -s lifeboat -- doctor`,
  ];
}

try {
  await quickstart(process.argv.slice(2));
} catch (error) {
  const known = error instanceof LifeboatError ? error : asLifeboatError(error);
  printError(false, known);
  process.exitCode = exitStatusOf(known);
}
