/** `lifeboat recover`: what was asked for, as a run; and what follows it. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { readIfThere } from '../kernel/read-if-there.ts';
import { parseLayout } from '../layout/types.ts';
import { mountRepositoryDisk } from '../rescue/repository-disk.ts';
import { localDirectory } from '../target/targets.ts';
import { lockFile } from '../host/file-lock.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import type { Json } from '../kernel/json.ts';
import { present } from '../kernel/present.ts';
import { printable } from '../kernel/text.ts';
import { parseDuration } from '../kernel/units.ts';
import { planDigest } from '../layout/rebuild/document.ts';
import { planText } from '../layout/rebuild/text.ts';
import { findPoint } from '../point/find.ts';
import { readCaptures } from '../point/records.ts';
import { openedByEscrow, wantedPassphrase } from '../recover/keys.ts';
import { does, partsOf, type RecoverRequest } from '../recover/request.ts';
import { typedState } from '../steps/define.ts';
import { tellFailure } from '../steps/recover-failed.ts';
import { planOf } from '../steps/recover-plan.ts';
import { openConfigured } from '../steps/repository.ts';
import { destinationOf } from '../steps/restore-plan.ts';
import { resumeRun, type RunOutcome, startRun } from '../workflow/runs.ts';
import { recover } from '../../workflows/recover.ts';
import { ask } from './ask.ts';
import { askHidden, recoveryCode } from './ask-secret.ts';
import { finish } from './finish.ts';
import type { Globals } from './globals.ts';
import { printResult } from './output.ts';
import { runToGoOn } from './recover-again.ts';
import { rescueSurroundings, type Surroundings } from './recover-words.ts';
import { describeRecovery } from './recover-text.ts';
import { hostNameOf } from './requests.ts';
import { configured, openSession, type Session, settingsOf } from './session.ts';
import { holdSecret } from './secrets.ts';

export interface RecoverOptions {
  readonly point?: string;
  readonly map: readonly string[];
  readonly only: readonly string[];
  readonly exclude: readonly string[];
  readonly rewrite: readonly string[];
  readonly grow: boolean;
  readonly clone: boolean;
  readonly layoutOnly: boolean;
  readonly mountOnly: boolean;
  readonly filesOnly: boolean;
  readonly from?: string;
  readonly root: string;
  readonly proveBudget?: string;
  readonly unattended: boolean;
  readonly after?: 'reboot' | 'poweroff' | 'nothing';
  readonly runbook: boolean;
}

export async function recoverHere(options: RecoverOptions, typed: Globals): Promise<void> {
  if (options.runbook) return await printRunbook(typed);
  const parts = partsOf(options);
  const around = await rescueSurroundings(typed);
  const { repository = typed.repository } = around.words;
  const globals: Globals = repository === undefined ? typed : { ...typed, repository };
  await using session = openSession(globals, undefined, options.unattended);
  await using _lock = globals.dryRun ? undefined : await onlyOne(session);
  if (around.medium !== undefined) await mountRepositories(globals, session);
  if (!options.unattended) await codeIfNeeded(globals, session);
  const { config, inputs } = await configuredByAny(options.unattended ? { ...globals, json: true } : globals);
  await using own = openSession(globals, settingsOf(config), options.unattended);
  const request = requestOf(options, parts, config, around, globals);
  const hostName = await hostNameOf(config, own.host, own.signal);
  const pointName = options.point ?? around.words.point ?? 'latest';
  const root = resolve(options.root);
  if (globals.dryRun) return await showPlan(own, config, { request, hostName, pointName });
  await mkdir(root, { recursive: true });
  const all: Record<string, Json> = {
    ...inputs,
    hostName,
    pointName,
    recoverRequest: jsonOf(request),
    destination: { ...(await destinationOf(root)) },
  };
  const outcome = await runWithPassphrases(all, own, options.unattended);
  finish(globals, outcome, describeRecovery);
  const { proof } = typedState(outcome.state);
  if (outcome.error === undefined && proof?.result === 'failed') process.exitCode = 1;
  if (options.unattended && outcome.error !== undefined) await tell(outcome, outcome.error, config, hostName, own);
  if (does(request, 'end')) await afterwards(options, config, outcome.error, own);
}

/** The rescue system does so with the first when it starts; others may be named since. */
async function mountRepositories({ repositories, repository, config: file }: Globals, session: Session): Promise<void> {
  const place = '/etc/lifeboat/captured/layout.json';
  const text = await readIfThere(place);
  if (text === undefined) return;
  const captured = parseLayout(JSON.parse(text.toString()));
  const own = async (): Promise<readonly string[]> => {
    // What is wrong with it is told where it is needed, which is next.
    const config = await loadConfig(resolve(file)).catch(() => undefined);
    return config === undefined ? [] : [config.repository, ...(config.recover?.repositories ?? [])];
  };
  for (const url of repositories ?? (repository === undefined ? await own() : [repository])) {
    const directory = localDirectory(url);
    if (directory === undefined) continue;
    const told = await mountRepositoryDisk(directory, captured, session.host, session.signal);
    if (told !== undefined) process.stderr.write(`${printable(told)}\n`);
  }
}

/** Of two at once each would take the other's filesystems away. @throws LifeboatError `locked` */
async function onlyOne({ context }: Session): Promise<AsyncDisposable> {
  await mkdir(context.stateDir, { recursive: true });
  const lock = await lockFile(join(context.stateDir, 'recover.lock'));
  if (lock !== undefined) return lock;
  throw new LifeboatError('locked', 'a recovery runs on this machine already', {
    hint: 'It may be the unattended one, or on another console: see /var/log/lifeboat/recover.log.',
  });
}

async function printRunbook(globals: Globals): Promise<void> {
  const { runbookOf } = await import('./recover-runbook.ts');
  await using session = openSession(globals);
  const { facts, text } = await runbookOf(session);
  const { layout: _layout, ...rest } = facts;
  printResult(globals.json, { format: 'lifeboat.runbook/1', ...rest, text }, () => text);
}

/** Of several repositories, the first that answers says whose points it has. With `json` nobody is asked for the code. */
async function configuredByAny(globals: Globals): ReturnType<typeof configured> {
  const urls = globals.repositories ?? [];
  if (urls.length < 2) return await configured(globals);
  const failures: LifeboatError[] = [];
  for (const repository of urls) {
    try {
      return await configured({ ...globals, repository });
    } catch (error) {
      const failure = asLifeboatError(error);
      if (failure.code === 'interrupted' || failure.code === 'usage') throw failure;
      process.stderr.write(`${printable(`${repository}: ${failure.message}`)}\n`);
      failures.push(failure);
    }
  }
  throw failures[0] ?? new LifeboatError('usage', 'no repository is named');
}

/** What opens the repository is typed, where nothing else does. */
async function codeIfNeeded(globals: Globals, { signal }: Session): Promise<void> {
  if (globals.repository !== undefined) return;
  const { key, encryption } = await loadConfig(resolve(globals.config));
  if (key === undefined && encryption !== 'none') await recoveryCode(globals, signal);
}

function requestOf(
  { map, only, exclude, rewrite, grow, clone, proveBudget, unattended }: RecoverOptions,
  parts: RecoverRequest['parts'],
  config: Config,
  { policies, medium }: Surroundings,
  { yes, repository, repositories: typed, config: file }: Globals,
): RecoverRequest {
  return {
    repositories: [...(typed ?? []), ...(config.recover?.repositories ?? [])],
    names: { map: [...map], only: [...only], exclude: [...exclude], rewrite: [...rewrite] },
    grow,
    clone,
    parts,
    ...(unattended
      ? {
          unattended: {
            policies,
            ...present({ medium, configuration: repository === undefined ? resolve(file) : undefined }),
          },
        }
      : {}),
    ...(proveBudget === undefined ? {} : { budgetMs: parseDuration(proveBudget) }),
    ...present({ yes }),
  };
}

const jsonOf = (request: RecoverRequest): Json => JSON.parse(JSON.stringify(request));

interface Asked {
  readonly request: RecoverRequest;
  readonly hostName: string;
  readonly pointName: string;
}

/** Writes nothing: what is lost, and what is made. */
async function showPlan({ globals, host, opening, signal }: Session, config: Config, asked: Asked): Promise<void> {
  const { request, hostName, pointName } = asked;
  await using repository = await openConfigured(config, opening, signal);
  const { point } = await findPoint(repository, hostName, pointName, signal);
  const { layout } = await readCaptures(repository, point, signal);
  const plan = await planOf(request, openedByEscrow(layout, point), config, host, signal);
  const text = () =>
    `Point ${point.id} of ${hostName}, made ${point.createdAt}, in ${repository.target.url}: nothing is done (--dry-run)\n\n${planText(plan)}`;
  printResult(globals.json, { ...plan, point: point.id, digest: planDigest(plan) }, text);
}

/** Goes on with an attempt that was cut off; passphrases that are missing are asked for. */
async function runWithPassphrases(
  inputs: Readonly<Record<string, Json>>,
  { context, signal, globals }: Session,
  unattended: boolean,
): Promise<RunOutcome> {
  const before = await runToGoOn(context.stateDir, inputs);
  const find = async () => await Promise.resolve(recover);
  let outcome =
    before === undefined
      ? await startRun(recover, inputs, context, signal)
      : await resumeRun(before, find, context, signal);
  for (;;) {
    const volume = outcome.error === undefined ? undefined : wantedPassphrase(outcome.error);
    if (volume === undefined || unattended || globals.json || !process.stdin.isTTY) return outcome;
    const secret = await askHidden(`Passphrase of the encrypted volume ${volume} (Enter gives up): `, signal);
    if (secret.reveal() === '') return outcome;
    holdSecret(`luks-${volume}`, secret);
    outcome = await resumeRun(outcome.report.id, find, context, signal);
  }
}

/** Interrupted, somebody is there. */
async function tell(
  { state }: RunOutcome,
  error: LifeboatError,
  config: Config,
  hostName: string,
  { context, host, opening, globals }: Session,
): Promise<void> {
  if (error.code === 'interrupted') return;
  const { stateDir, version } = context;
  const came = { config, hostName, stateDir, version, ...typedState(state) };
  const problem = await tellFailure(came, error, host, opening, AbortSignal.timeout(tellMs));
  if (problem !== undefined && !globals.json)
    process.stderr.write(`The repository was not told: ${printable(problem)}\n`);
}

/** Somebody may wait for the machine to go off. */
const tellMs = 120_000;

/** Only what was proven starts by itself; and a machine that was recovered before is not started into the medium again. */
async function afterwards(
  { after, unattended }: RecoverOptions,
  { recover: settings }: Config,
  error: LifeboatError | undefined,
  { host, globals, signal }: Session,
): Promise<void> {
  const isDone = [undefined, 0, 4].some((status) => status === process.exitCode);
  const wanted =
    after ?? (unattended ? (settings?.after ?? 'reboot') : isDone ? await offered(globals, signal) : 'nothing');
  const isAgain = error?.code === 'recovered-before' && wanted === 'poweroff';
  if (wanted !== 'nothing' && (isDone || isAgain)) await host.run([wanted], { timeoutMs: 120_000 }, signal);
}

async function offered(globals: Globals, signal: AbortSignal): Promise<'reboot' | 'nothing'> {
  if (globals.json || !process.stdin.isTTY) return 'nothing';
  try {
    const text = 'Start the machine now? (y, or Enter for no)';
    return (await ask({ id: 'reboot', text }, globals, signal)) === 'y' ? 'reboot' : 'nothing';
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'interrupted') return 'nothing';
    throw error;
  }
}
