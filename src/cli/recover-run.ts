/** `lifeboat recover`: what was asked for, as a run; and what follows it. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { lockFile } from '../host/file-lock.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import type { Json } from '../kernel/json.ts';
import { present } from '../kernel/present.ts';
import { printable } from '../kernel/text.ts';
import { parseDuration } from '../kernel/units.ts';
import { capturePatiently } from '../layout/capture-patiently.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import { planDigest } from '../layout/rebuild/document.ts';
import { planText } from '../layout/rebuild/text.ts';
import { remaining } from '../recover/filled.ts';
import { openedByEscrow, wantedPassphrase } from '../recover/keys.ts';
import { withoutEarlier } from '../recover/new-root.ts';
import { does, partsOf, type RecoverRequest } from '../recover/request.ts';
import { typedState } from '../steps/define.ts';
import { keysForgotten } from '../steps/recover-keys.ts';
import { planOf } from '../recover/plan.ts';
import { firstPoint } from '../steps/recover-find.ts';
import { destinationOf } from '../steps/restore-plan.ts';
import { resumeRun, type RunOutcome, startRun } from '../workflow/runs.ts';
import { recover } from '../../workflows/recover.ts';
import { askHidden, recoveryCode } from './ask-secret.ts';
import { finish } from './finish.ts';
import type { Globals } from './globals.ts';
import { printResult } from './output.ts';
import { earlierRun } from './recover-again.ts';
import { afterwards, tell, tellBefore } from './recover-after.ts';
import { recoveryConfig, type Sources, sourcesOf } from './recover-config.ts';
import { rescueSurroundings, type Surroundings } from './recover-words.ts';
import { describeRecovery } from './recover-text.ts';
import { mountRepositories } from './repository-disks.ts';
import { hostNameOf } from './requests.ts';
import { openSession, type Session, settingsOf } from './session.ts';
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
  readonly new: boolean;
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
  const sources = sourcesOf(typed, around.words.repository);
  const { globals } = sources;
  await using session = openSession(globals, undefined, options.unattended);
  try {
    await recovering(options, parts, around, sources, session);
  } catch (error) {
    if (options.unattended) await tellBefore(asLifeboatError(error), silently(sources), session);
    throw error;
  }
}

/** Nobody is asked for a code. */
const silently = (sources: Sources): Sources => ({ ...sources, globals: { ...sources.globals, json: true } });

async function recovering(
  options: RecoverOptions,
  parts: RecoverRequest['parts'],
  around: Surroundings,
  sources: Sources,
  session: Session,
): Promise<void> {
  const { globals } = sources;
  await using _lock = globals.dryRun ? undefined : await onlyOne(session);
  await using _keys = globals.dryRun ? undefined : keysForgotten();
  if (around.medium !== undefined) {
    const told = await mountRepositories(sources, '/etc/lifeboat/captured/layout.json', session);
    for (const line of told) process.stderr.write(`${printable(line)}\n`);
  }
  if (!options.unattended) await codeIfNeeded(globals, session);
  const { config, inputs } = await recoveryConfig(options.unattended ? silently(sources) : sources);
  await using own = openSession(globals, settingsOf(config), options.unattended);
  const request = requestOf(options, parts, config, around, globals);
  const hostName = await hostNameOf(config, own.host, own.signal);
  const pointName = options.point ?? around.words.point ?? 'latest';
  const root = resolve(options.root);
  const beginAnew = options.new;
  if (globals.dryRun) return await showPlan(own, { config, request, beginAnew, hostName, pointName, root });
  await mkdir(root, { recursive: true });
  const all: Record<string, Json> = {
    ...inputs,
    hostName,
    pointName,
    recoverRequest: jsonOf(request),
    beginAnew,
    destination: { ...(await destinationOf(root)) },
  };
  const outcome = await runWithPassphrases(all, own, options);
  finish(globals, outcome, describeRecovery);
  const { proof } = typedState(outcome.state);
  if (outcome.error === undefined && proof?.result === 'failed') process.exitCode = 1;
  if (options.unattended && outcome.error !== undefined)
    await tell(outcome.state, outcome.error, config, hostName, own);
  if (does(request, 'end')) await afterwards(options, config, outcome.error, own);
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
  { policies, medium, signed }: Surroundings,
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
            ...present({ signed, configuration: repository === undefined ? resolve(file) : undefined }),
          },
        }
      : {}),
    ...(proveBudget === undefined ? {} : { budgetMs: parseDuration(proveBudget) }),
    ...present({ yes, medium }),
  };
}

const jsonOf = (request: RecoverRequest): Json => JSON.parse(JSON.stringify(request));

/** Writes nothing: what is lost, and what is made. */
async function showPlan(
  { globals, host, opening, signal }: Session,
  {
    beginAnew,
    hostName,
    root,
    ...asked
  }: Parameters<typeof firstPoint>[0] & { readonly beginAnew: boolean; readonly root: string },
): Promise<void> {
  const { config, point, captured, policies } = await firstPoint({ ...asked, hostName }, opening, signal);
  const { layout } = captured;
  const found = await capturePatiently(host, signal);
  const here = does(asked.request, 'recreate') ? await withoutEarlier(found, root, host, signal) : found;
  const met = { here: withWholeDisks(here), captured: layout, point: point.id, beginAnew, policies };
  const request = await remaining(asked.request, met, opening.say, host, signal);
  const given = { here, repository: config.repository, policies };
  const plan = await planOf(request, openedByEscrow(layout, point), given, host, signal);
  const text = () =>
    `Point ${point.id} of ${hostName}, made ${point.createdAt}, in ${config.repository}: nothing is done (--dry-run)\n\n${planText(plan)}`;
  printResult(globals.json, { ...plan, point: point.id, digest: planDigest(plan) }, text);
}

/** Goes on with an attempt that was cut off; passphrases that are missing are asked for. */
async function runWithPassphrases(
  inputs: Readonly<Record<string, Json>>,
  session: Session,
  { unattended, new: isNew }: RecoverOptions,
): Promise<RunOutcome> {
  const { context, signal, globals } = session;
  const before = await earlierRun(inputs, isNew, session);
  if (before !== undefined && !globals.json) process.stderr.write(`${printable(before.text)}\n`);
  const find = async () => await Promise.resolve(recover);
  let outcome =
    before?.why === undefined && before !== undefined
      ? await resumeRun(before.id, find, context, signal)
      : await startRun(recover, inputs, context, signal);
  for (;;) {
    const volume = outcome.error === undefined ? undefined : wantedPassphrase(outcome.error);
    if (volume === undefined || unattended || globals.json || !process.stdin.isTTY) return outcome;
    const secret = await askHidden(`Passphrase of the encrypted volume ${volume} (Enter gives up): `, signal);
    if (secret.reveal() === '') return outcome;
    holdSecret(`luks-${volume}`, secret);
    outcome = await resumeRun(outcome.report.id, find, context, signal);
  }
}
