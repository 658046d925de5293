/** The options that every command takes. */
import type { Command } from 'commander';
import { exitStatuses } from '../kernel/errors.ts';

export interface Globals {
  readonly config: string;
  /** Instead of a configuration. */
  readonly repository?: string;
  /** All that were given, where several were: a recovery takes the first that answers. */
  readonly repositories?: readonly string[];
  readonly host?: string;
  readonly stateDir: string;
  readonly json: boolean;
  readonly dryRun: boolean;
  /** `''` when given without a digest. */
  readonly yes?: string;
  readonly quiet: boolean;
  readonly logLevel: string;
  readonly color: boolean;
}

export const defaultConfig = '/etc/lifeboat/lifeboat.yaml';
export const defaultStateDir = '/var/lib/lifeboat';

export function addGlobalOptions(program: Command): Command {
  const repositories: string[] = [];
  program.on('option:repository', (url: string) => {
    repositories.push(url);
    program.setOptionValue('repositories', repositories);
  });
  return program
    .option('--config <file>', 'configuration', process.env['LIFEBOAT_CONFIG'] || defaultConfig)
    .option('--repository <url>', 'a repository instead of a configuration; its recovery code is asked for')
    .option('--host <name>', 'whose points of that repository, where it holds several hosts')
    .option('--state-dir <dir>', 'where runs, journals and logs are kept', defaultStateDir)
    .option('--json', 'one JSON document on stdout, progress as JSON lines on stderr', false)
    .option('--dry-run', 'show what would be done, and touch nothing', false)
    .option('--yes [digest]', 'consent: to a plan by its digest; alone only to what destroys nothing')
    .option('--quiet', 'no progress', false)
    .option('--log-level <level>', "of the run's log: trace, debug, info, warn or error", 'info')
    .option('--no-color', 'no colours');
}

/**
 * `--yes` takes a digest only as `--yes=DIGEST`: without this, `lifeboat --yes backup` would take `backup` for one.
 */
export function normalizeArguments(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((arg, index) => (arg === '--yes' && (end === -1 || index < end) ? '--yes=' : arg));
}

/** What stands below the help of a command: its examples and exit statuses. */
export function helpFooter(examples: readonly string[], statuses: readonly (keyof typeof exitStatuses)[]): string {
  const list = [...statuses]
    .sort((a, b) => a - b)
    .map((status) => `  ${String(status).padStart(3)}  ${exitStatuses[status]}`);
  return `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}\n\nExit status:\n${list.join('\n')}\n`;
}

/** A command line that does what it says for whoever copies it: with the options that this one was called with. */
export function commandLine(
  { config, stateDir, repository, host }: Pick<Globals, 'config' | 'stateDir' | 'repository' | 'host'>,
  rest: string,
): string {
  const options = [
    ...(config === defaultConfig ? [] : ['--config', config]),
    ...(repository === undefined ? [] : ['--repository', repository]),
    ...(host === undefined ? [] : ['--host', host]),
    ...(stateDir === defaultStateDir ? [] : ['--state-dir', stateDir]),
  ];
  return ['lifeboat', ...options, rest].join(' ');
}
