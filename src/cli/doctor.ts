/** What works here: each check says for which job it matters and what to do when it fails. */
import { access, constants, mkdtemp, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { tmpdir } from 'node:os';
import { existsSync, statSync } from 'node:fs';
import { packageOf } from '../host/packages.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { confineArgv } from '../native/confine.ts';
import { listXattrs } from '../native/xattr.ts';
import type { Finding } from '../criu/preflight/kernel.ts';
import { preflight } from '../criu/preflight/preflight.ts';
import { handlers } from '../layout/handlers.ts';
import { readHostKey } from '../keys/host-key.ts';
import { schedulerRuns } from '../schedule/state.ts';
import { CRON_PATH } from '../schedule/unit.ts';
import { checkKnown } from '../steps/check-keys.ts';
import { installedQemu } from '../qemu/program.ts';
import { openConfigured } from '../steps/repository.ts';
import { findHooks } from '../workflow/hooks.ts';
import { listRuns } from '../workflow/store.ts';
import { factsDocument, layoutDocument, networkDocument } from './documents.ts';
import { table } from './output.ts';
import { configured, type Session } from './session.ts';
import { allWorkflows } from './workflows.ts';

export interface Check {
  readonly name: string;
  /** `missing`: the job cannot be done; `limited`: it can, but something will be lacking. */
  readonly state: 'ok' | 'limited' | 'missing';
  readonly job: string;
  readonly detail: string;
  readonly remedy?: string;
}

type Probe = (session: Session) => Promise<string>;

interface Definition {
  readonly name: string;
  readonly job: string;
  /** What it means when it fails. */
  readonly severity: 'limited' | 'missing';
  readonly probe: Probe;
  /** @default the hint of the error */
  readonly remedy?: string;
}

function tool(name: string, job: string, severity: Definition['severity'], argv: readonly string[]): Definition {
  return {
    name,
    job,
    severity,
    probe: async ({ host, signal }) => {
      const { stdout } = await host.run([name, ...argv], { timeoutMs: 10_000 }, signal);
      return stdout.toString('utf8').split('\n')[0]?.trim() ?? '';
    },
    remedy: `apt-get install ${packageOf(name) ?? name}`,
  };
}

/** Which tools a capture needs depends on what is on the host: so it is done, and what it missed is told. */
function captureTools(kind: CaptureKind): Definition {
  return {
    name: `tools for ${kind.name}`,
    job: kind.name,
    severity: 'limited',
    probe: async ({ host, signal }) => {
      const { gaps } = await kind.capture(host, signal);
      const absent = gaps.filter(({ problem }) => problem.startsWith('no such program'));
      if (absent.length === 0) return 'all that this host needs are here';
      const list = (words: readonly (string | undefined)[]): string => [...new Set(words)].join('; ');
      throw new LifeboatError('tool-missing', list(absent.map(({ subject, problem }) => `${problem} (${subject})`)), {
        hint: list(absent.map(({ hint }) => hint)),
      });
    },
  };
}

type CaptureKind = Pick<typeof layoutDocument | typeof networkDocument | typeof factsDocument, 'name' | 'capture'>;

const checks: readonly Definition[] = [
  {
    name: 'root',
    job: 'backup, restore',
    severity: 'limited',
    probe: async () => {
      if (process.getuid?.() === 0) return 'running as root';
      throw new Error(`running as uid ${process.getuid?.()}`);
    },
    remedy: 'Run as root: other users cannot read every file, nor restore owners and devices.',
  },
  {
    name: 'native addon',
    job: 'backup, restore',
    severity: 'missing',
    probe: async () => {
      listXattrs('/');
      return 'built, and works';
    },
    remedy: 'npm run build (needs make, a C compiler and libc6-dev)',
  },
  tool('tar', 'backup, restore', 'missing', ['--version']),
  tool('lsblk', 'layout', 'limited', ['--version']),
  tool('findmnt', 'layout', 'limited', ['--version']),
  tool('ip', 'network', 'limited', ['-V']),
  captureTools(layoutDocument),
  {
    name: 'unverified storage',
    job: 'layout',
    severity: 'limited',
    probe: async () => {
      const kinds = Map.groupBy(handlers, ({ unverified }) => unverified ?? '');
      kinds.delete('');
      return [...kinds].map(([why, list]) => `${list.map(({ kind }) => kind).join(', ')}: ${why}`).join('; ');
    },
  },
  captureTools(networkDocument),
  captureTools(factsDocument),
  {
    name: 'confined restore',
    job: 'restore',
    severity: 'missing',
    probe: async ({ host, signal }) => {
      const folder = await mkdtemp(join(tmpdir(), 'lifeboat-doctor-'));
      try {
        await host.run(confineArgv(folder, ['true']), { timeoutMs: 10_000 }, signal);
        return 'a mount namespace of its own works';
      } finally {
        await rm(folder, { recursive: true });
      }
    },
    remedy: 'Run as root, or allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1).',
  },
  {
    name: 'virtual machines',
    job: 'drill',
    severity: 'limited',
    probe: async ({ globals }) => {
      const config = (await configured(globals).catch(() => undefined))?.config;
      const isWanted = config?.drill !== undefined || config?.schedule?.drill?.files === false;
      if (!isWanted) return 'no drills are configured';
      await installedQemu();
      return 'QEMU is here';
    },
  },
  {
    name: 'CRIU',
    job: 'checkpoint',
    severity: 'limited',
    probe: async ({ signal }) => {
      try {
        return findingsText(await preflight({ enter: [] }, signal));
      } catch (error) {
        if (!(error instanceof LifeboatError) || error.code !== 'tool-missing') throw error;
        return 'not installed, and nothing but checkpoints of running processes needs it';
      }
    },
  },
  {
    name: 'state directory',
    job: 'all',
    severity: 'missing',
    probe: async ({ context: { stateDir } }) => {
      await writable(stateDir);
      return stateDir;
    },
    remedy: 'Choose another with --state-dir, or make it writable.',
  },
  {
    name: 'configuration',
    job: 'backup, restore',
    severity: 'missing',
    probe: async ({ globals }) => {
      await configured(globals);
      return globals.config;
    },
    remedy: 'lifeboat init',
  },
  {
    name: 'repository',
    job: 'backup, restore',
    severity: 'missing',
    probe: async ({ globals, opening, signal }) => {
      const { config } = await configured(globals);
      await using repository = await openConfigured(config, opening, signal);
      return repository.target.url;
    },
    remedy: 'lifeboat init, or mount the disk that it is on',
  },
  {
    name: 'drop-ins',
    job: 'backup',
    severity: 'missing',
    probe: async ({ globals, context: { hooksDir = '' } }) => {
      const workflows = (await allWorkflows(globals)).map(({ workflow }) => workflow);
      const hooks = await Promise.all(workflows.map((workflow) => findHooks(hooksDir, workflow)));
      const known = ['notify', ...workflows.map(({ name }) => name)];
      const folders = existsSync(hooksDir) ? await readdir(hooksDir) : [];
      const lost = folders.find((name) => !name.startsWith('.') && !name.endsWith('~') && !known.includes(name));
      if (lost === undefined) return `${hooks.flat().length} around stages`;
      throw new LifeboatError('hook-failed', `${join(hooksDir, lost)} belongs to no workflow`, {
        hint: `The folders are: ${known.join(', ')}.`,
      });
    },
  },
  {
    name: 'host key',
    job: 'backup, restore',
    severity: 'missing',
    probe: async ({ globals, opening, signal }) => {
      const { config } = await configured(globals);
      if (config.key === undefined) return 'none: nothing is encrypted';
      const key = readHostKey(config.key);
      await using repository = await openConfigured(config, opening, signal);
      await checkKnown(key, repository.target, signal);
      return `${config.key}, the key of ${key.host}`;
    },
  },
  {
    name: 'recovery code',
    job: 'restore',
    severity: 'limited',
    probe: async ({ globals }) => {
      const { config } = await configured(globals);
      if (config.key === undefined) return 'none: nothing is encrypted';
      const { proven } = readHostKey(config.key);
      if (proven !== undefined) return `proven ${proven}`;
      throw new LifeboatError('incomplete', 'nobody has proven that it was noted and opens the repository');
    },
    remedy: 'lifeboat key check',
  },
  {
    name: 'schedule',
    job: 'backup',
    severity: 'limited',
    probe: async ({ globals, context: { stateDir } }) => {
      const { config } = await configured(globals);
      if (config.schedule?.backup === undefined) throw new LifeboatError('incomplete', 'no backup is scheduled');
      const names = Object.keys(config.schedule).join(', ');
      if (await schedulerRuns(stateDir)) return `a scheduler runs: ${names}`;
      if (existsSync(CRON_PATH)) return `cron calls the scheduler: ${names}`;
      throw new LifeboatError('incomplete', 'nothing runs what is scheduled');
    },
    remedy: 'lifeboat schedule install (docs/schedules.md); systemctl status lifeboat-schedule',
  },
  {
    name: 'earlier runs',
    job: 'all',
    severity: 'limited',
    probe: async ({ context: { stateDir } }) => {
      const runs = (await listRuns(stateDir)).slice(0, RECENT_RUNS);
      const unfinished = runs.filter((run) => 'status' in run && (run.status === 'killed' || run.owed.length > 0));
      if (unfinished.length === 0) return 'none was left unfinished';
      throw new LifeboatError('incomplete', `left unfinished: ${unfinished.map(({ id }) => id).join(', ')}`);
    },
    remedy:
      'lifeboat runs show ID says how to go on with one; runs resume ID --undo removes what it left, in the repository too.',
  },
];

/** @throws LifeboatError `incomplete` where one of them asks for something */
function findingsText(findings: readonly Finding[]): string {
  const short = findings.filter(({ state }) => state !== 'ok');
  const list = (words: readonly (string | undefined)[]): string =>
    words.filter((word) => word !== undefined).join('; ');
  if (short.length === 0) return list(findings.map(({ text }) => text));
  throw new LifeboatError('incomplete', list(short.map(({ text }) => text)), {
    hint: list(short.map(({ next }) => next)),
  });
}

/** How many runs back unfinished ones are looked for: a person who did not mind them so long will not now. */
const RECENT_RUNS = 20;

/** A directory that does not exist yet is fine where it can be made. */
async function writable(path: string): Promise<void> {
  let existing = path;
  while (!existsSync(existing)) existing = dirname(existing);
  if (!statSync(existing).isDirectory()) throw new Error(`${existing} is not a directory`);
  await access(existing, constants.W_OK);
}

/** @param wanted which of the checks; all by default */
export async function examine(
  session: Session,
  wanted: (check: Pick<Check, 'name' | 'job'>) => boolean = () => true,
): Promise<Check[]> {
  const results: Check[] = [];
  for (const { name, job, severity, probe, remedy } of checks.filter(wanted)) {
    try {
      results.push({ name, state: 'ok', job, detail: await probe(session) });
    } catch (error) {
      session.signal.throwIfAborted();
      const { message, hint } = asLifeboatError(error);
      results.push({ name, state: severity, job, detail: message, ...present({ remedy: remedy ?? hint }) });
    }
  }
  return results;
}

export function doctorText(results: readonly Check[]): string {
  const rows = results.map(({ name, state, job, detail }) => [state, name, job, detail]);
  const remedies = results.flatMap(({ name, remedy }) => (remedy === undefined ? [] : [`  ${name}: ${remedy}`]));
  const list = table(['', 'check', 'for', ''], rows);
  return remedies.length === 0
    ? `${list}\n\nEverything that the main job needs is here.`
    : `${list}\n\nTo do:\n${remedies.join('\n')}`;
}
