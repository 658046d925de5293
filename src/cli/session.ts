/** What a command that runs workflows stands on: host, signals, configuration, where its events go, how it ends. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import type { Host } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import { hasErrno, LifeboatError } from '../kernel/errors.ts';
import type { Json } from '../kernel/json.ts';
import type { RunEvent } from '../workflow/events.ts';
import { RECOVERY_CODE } from '../steps/keys.ts';
import type { Opening } from '../steps/repository.ts';
import { localDirectory } from '../target/targets.ts';
import { planRun, type RunContext, startRun } from '../workflow/runs.ts';
import type { RunPaths } from '../workflow/store.ts';
import { noSettings, type Settings } from '../workflow/units.ts';
import type { Workflow } from '../workflow/workflow.ts';
import { ask } from './ask.ts';
import type { Globals } from './globals.ts';
import { interruptSignal } from './interrupt.ts';
import { finish, type Present } from './finish.ts';
import { printResult, table } from './output.ts';
import { hostNameOf } from './requests.ts';
import { jsonLinesRenderer } from './render/json-lines.ts';
import { terminalRenderer } from './render/terminal.ts';
import { secretsOf } from './secrets.ts';
import { version } from './version.ts';
import { configOfRepository } from './without-config.ts';

export interface Session extends AsyncDisposable {
  readonly globals: Globals;
  readonly host: Host;
  readonly signal: AbortSignal;
  readonly context: RunContext;
  /** For commands that open the repository without a run. */
  readonly opening: Opening;
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error'];

/**
 * @param settings what the configuration says about steps; none for commands that work without one
 * @param outlivesTerminal for what itself may break the connection that it was started over
 */
export function openSession(globals: Globals, settings: Settings = noSettings, outlivesTerminal = false): Session {
  checkLogLevel(globals.logLevel);
  const interrupt = interruptSignal(outlivesTerminal);
  const host = localHost();
  const context: RunContext = {
    stateDir: resolve(globals.stateDir),
    hooksDir: join(dirname(resolve(globals.config)), 'hooks.d'),
    host,
    secrets: secretsOf(globals),
    settings,
    openEvents: (paths) => openEvents(globals, paths),
    ask: (question, signal) => ask(question, globals, signal),
    version: version(),
    now: () => new Date(),
  };
  return {
    globals,
    host,
    signal: interrupt.signal,
    context,
    opening: { say: () => {}, secrets: context.secrets, hurried: true },
    [Symbol.asyncDispose]: async () => {
      interrupt[Symbol.dispose]();
      await host[Symbol.asyncDispose]();
    },
  };
}

function checkLogLevel(level: string): void {
  if (logLevels.includes(level)) return;
  throw new LifeboatError('usage', `no log level ${JSON.stringify(level)}`, {
    hint: `Choose of ${logLevels.join(', ')}.`,
  });
}

async function openEvents(globals: Globals, paths: RunPaths) {
  const { logRenderer } = await import('./render/log.ts');
  const log = logRenderer(paths.log, globals.logLevel);
  const show = screenRenderer(globals);
  return {
    emit: (event: RunEvent) => {
      log.emit(event);
      show(event);
    },
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  };
}

function screenRenderer(globals: Globals): (event: RunEvent) => void {
  if (globals.quiet) return () => {};
  if (globals.json) return jsonLinesRenderer(process.stderr, () => new Date());
  const color = globals.color && !process.env['NO_COLOR'];
  return terminalRenderer(process.stderr, color, () => performance.now());
}

/** The parts of a configuration that are about steps. */
export function settingsOf({ skip, limits, retries }: Config): Settings {
  return { skip, limits, retries };
}

/** The configuration with what a workflow is given besides it. */
export async function configured(globals: Globals): Promise<{ config: Config; inputs: Record<string, Json> }> {
  const config = await configOf(globals);
  return {
    config,
    inputs: { config, ownPaths: ownPaths(config, globals), stateDir: resolve(globals.stateDir), version: version() },
  };
}

/** @throws LifeboatError `usage` for a command that a repository alone does not suffice for */
export function needsConfiguration({ repository }: Globals, what: string): void {
  if (repository === undefined) return;
  throw new LifeboatError('usage', `${what} needs a configuration, and --repository stands instead of one`, {
    hint: 'Leave --repository out; lifeboat init writes a configuration.',
  });
}

async function configOf(globals: Globals): Promise<Config> {
  const { repository, host } = globals;
  if (repository !== undefined) return await configOfRepository(repository, globals);
  if (host === undefined) return await named(await loadConfig(resolve(globals.config)), globals);
  throw new LifeboatError('usage', '--host goes with --repository', {
    hint: 'With a configuration, the host is the one that it names.',
  });
}

/** With the host's name in it where a code may have to stand in for a lost key file, which had the name. */
async function named(config: Config, globals: Globals): Promise<Config> {
  if (config.host !== undefined || secretsOf(globals).get(RECOVERY_CODE) === undefined) return config;
  using interrupt = interruptSignal();
  await using host = localHost();
  return { ...config, host: await hostNameOf(config, host, interrupt.signal) };
}

/** Where lifeboat writes, also by the names that symlinks hide: a backup of these would contain itself. */
export function ownPaths(config: Config, globals: Globals): string[] {
  const repository = localDirectory(config.repository);
  const paths = [resolve(globals.stateDir), ...(repository === undefined ? [] : [repository])];
  return [...new Set(paths.flatMap((path) => [path, realPath(path)]))].filter((path) => path !== '/');
}

/** Directory in which the repository lies, where it is on this machine and somebody said which it is. */
export async function repositoryDirectory(globals: Globals): Promise<string | undefined> {
  // Its disk is mounted and kept for that alone: without a configuration it is only not called by its name.
  const fromConfig = async () => (await loadConfig(resolve(globals.config)).catch(() => undefined))?.repository;
  const url = globals.repository ?? (await fromConfig());
  const directory = url === undefined ? undefined : localDirectory(url);
  return directory === undefined ? undefined : realPath(directory);
}

/** Of a path that need not exist yet. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT') || path === '/') return path;
    return join(realPath(dirname(path)), basename(path));
  }
}

/**
 * Runs a workflow for a command, or with `--dry-run` prints what it would do.
 *
 * @param present turns a good outcome into the document for `--json` and the text for a person
 */
export async function runCommand(
  session: Session,
  workflow: Workflow,
  inputs: Readonly<Record<string, Json>>,
  present: Present,
  file?: string,
): Promise<void> {
  const { globals, context, signal } = session;
  if (globals.dryRun) return printPlan(session, workflow);
  finish(globals, await startRun(workflow, inputs, context, signal, file), present);
}

async function printPlan({ globals, context }: Session, workflow: Workflow): Promise<void> {
  const plan = await planRun(workflow, context);
  printResult(globals.json, { workflow: workflow.name, plan }, () => {
    const rows = plan.map(({ id, title, kind, skipped, destructive }) => [
      skipped ? 'skip' : kind === 'drop-in' ? 'drop-in' : 'run',
      id,
      destructive ? `${title}  [writes to disks]` : title,
    ]);
    return `${workflow.title}: nothing is done (--dry-run)\n\n${table(['', 'step', 'what it does'], rows)}`;
  });
}
