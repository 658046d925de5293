/** What `init` does: chooses, writes the configuration, makes the repository. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseConfig } from '../config/load.ts';
import { configTemplate } from '../config/template.ts';
import { openEngine } from '../engine/engines.ts';
import { hostIdentity } from '../host/identity.ts';
import { makeDirectory, writeFileAtomic } from '../kernel/atomic-write.ts';
import { explaining, LifeboatError } from '../kernel/errors.ts';
import { captureLayout } from '../layout/capture.ts';
import type { Layout } from '../layout/types.ts';
import { initRepository, openRepository } from '../point/repository.ts';
import { hasKeyRecords } from '../steps/keys.ts';
import { keyName } from '../steps/prepare.ts';
import { checkPair, HURRIED_MS } from '../steps/repository.ts';
import { openTarget } from '../target/targets.ts';
import { ask } from './ask.ts';
import { commandLine, type Globals } from './globals.ts';
import { keptOrNewKeys, storeNewKeys } from './init-keys.ts';
import { type RecoverySheet, recoverySheet, sheetText } from './recovery-sheet.ts';
import { openSession } from './session.ts';

const DEFAULT_REPOSITORY = 'file:///var/lib/lifeboat/repository';
/** What a restored machine makes anew, or must not bring back. */
const DEFAULT_EXCLUDE = ['/tmp/*', '/var/tmp/*', '/var/cache/apt/archives/*.deb', '/lost+found', '/swapfile'];

export interface InitRequest {
  readonly repository?: string;
  readonly engine: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** The host keeps public keys and its signing key only. */
  readonly writeOnly: boolean;
  readonly encryption: boolean;
  readonly force: boolean;
}

export interface InitResult {
  readonly config: string;
  readonly repository: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** `found`: it was one already, and is used as it is. */
  readonly made: 'new' | 'found' | 'nothing (--dry-run)';
  readonly text: string;
  readonly key: { readonly path: string; readonly made: 'new' | 'kept'; readonly writeOnly: boolean };
  readonly encryption: 'age' | 'none';
  /** The repository holds records of this host under keys that are not these. */
  readonly otherKeys: boolean;
  /** With the new keys, and only now: holds secrets. */
  readonly recovery?: RecoverySheet;
}

/**
 * @throws LifeboatError `refused` when there is a configuration already and no `force`; what making the repository and
 *   writing the file can fail with
 */
export async function initialise(request: InitRequest, globals: Globals): Promise<InitResult> {
  const config = resolve(globals.config);
  if (existsSync(config) && !request.force) {
    throw new LifeboatError('refused', `there is a configuration already: ${config}`, {
      hint: 'Edit it, or replace it with --force, or choose another file with --config.',
    });
  }
  await using session = openSession(globals);
  const { signal } = session;
  const engine = openEngine(request.engine);
  const repository = request.repository ?? (await chooseRepository(globals, signal));
  const include = request.include ?? localFilesystems(await captureLayout(session.host, new Date(), signal));
  const exclude = request.exclude ?? (request.include ? [] : DEFAULT_EXCLUDE);
  const now = new Date();
  const keyFile = join(dirname(config), 'host.key');
  const systemName = keyName((await hostIdentity(session.host, signal)).name);
  const keys = keptOrNewKeys(keyFile, globals.host ?? systemName, request.writeOnly, now);
  const { host, writeOnly } = keys.key;
  const encryption = request.encryption ? 'age' : 'none';
  const text = configTemplate({
    repository,
    engine: engine.name,
    include,
    exclude,
    key: keyFile,
    encryption,
    ...(host === systemName ? {} : { host }),
  });
  // Refused before anything is made: what was typed must be a configuration that works.
  parseConfig(text, config);
  const key = { path: keyFile, made: keys.code ? 'new' : 'kept', writeOnly } as const;
  const chosen = { config, repository, include, exclude, text, key, encryption } as const;
  if (globals.dryRun) return { ...chosen, made: 'nothing (--dry-run)', otherKeys: false };
  await using target = await openTarget(
    repository,
    { create: true, secrets: session.context.secrets, patienceMs: HURRIED_MS },
    signal,
  );
  checkPair(engine, target);
  const made = await makeOrFind(() => initRepository(target, engine.name, new Date(), signal));
  const { id } = await openRepository(target, signal);
  const otherKeys = keys.code !== undefined && (await hasKeyRecords(target, host, signal));
  await explaining(`write ${config}`, () => makeDirectory(dirname(config)));
  await writeFileAtomic(config, text, 0o644);
  await storeNewKeys(keyFile, keys, { target, id, stateDir: session.context.stateDir }, now, signal);
  return { ...chosen, made, otherKeys, ...(keys.code ? { recovery: recoverySheet(keys.code, repository, host) } : {}) };
}

async function makeOrFind(make: () => Promise<unknown>): Promise<'new' | 'found'> {
  try {
    await make();
    return 'new';
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'exists') return 'found';
    throw error;
  }
}

async function chooseRepository(globals: Globals, signal: AbortSignal): Promise<string> {
  if (globals.json || !process.stdin.isTTY) return DEFAULT_REPOSITORY;
  const text = `Where are recovery points to be kept? A URL or a path; nothing for ${DEFAULT_REPOSITORY}:`;
  return (await ask({ id: 'repository', text }, globals, signal)) || DEFAULT_REPOSITORY;
}

/** The mount points of filesystems on this host's own disks. */
function localFilesystems(layout: Layout): string[] {
  const paths = layout.components.flatMap((item) =>
    item.kind === 'mount' && item.category === 'local' ? [item.path] : [],
  );
  return paths.length === 0 ? ['/'] : [...new Set(paths)].sort();
}

export function initText(result: InitResult, given: Globals): string {
  // From now on the configuration names the repository.
  const { repository: _repository, host: _host, ...globals } = given;
  const { key, recovery, encryption } = result;
  if (result.made === 'nothing (--dry-run)') return `${result.text}\n# nothing is written (--dry-run)`;
  return [
    `Wrote ${result.config}.`,
    result.made === 'new'
      ? `Made the repository ${result.repository}.`
      : `${result.repository} is a repository already; it is used as it is.`,
    `It will hold: ${result.include.join(' ')}`,
    encryption === 'age'
      ? 'Data and records are encrypted.'
      : 'Data is not encrypted (--no-encryption): whoever reads the repository reads it. Records are signed.',
    ...(result.otherKeys ? otherKeysText(key, globals) : []),
    ...(recovery
      ? [
          `Wrote the host key ${key.path}.`,
          '',
          sheetText(recovery, { key: key.path, writeOnly: key.writeOnly }, globals),
        ]
      : [
          `Kept the host key ${key.path}, and its recovery code with it. If that was never noted: ${commandLine(globals, 'key rotate')}`,
        ]),
    '',
    `Next: ${commandLine(globals, 'key check')}, then ${commandLine(globals, 'doctor')} and ${commandLine(globals, 'backup')}`,
  ].join('\n');
}

/** After a host was installed anew: its old points and its new keys do not know each other. */
function otherKeysText(
  { path, writeOnly }: InitResult['key'],
  globals: Pick<Globals, 'config' | 'stateDir'>,
): string[] {
  const rotate = `key rotate --host-key${writeOnly ? ' --write-only' : ''}`;
  return [
    '',
    'The repository holds points of a host of this name under other keys: only their recovery code opens them. If this is',
    'the same host and you have that code, go on under it, and throw away the sheet below:',
    `    rm ${path} && ${commandLine(globals, rotate)}`,
    '',
  ];
}
