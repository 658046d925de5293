/** The real command line, as a person or a script starts it, in a sandbox with a configuration and places of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll } from 'vitest';
import { initRepository } from '../../src/point/repository.ts';
import { openTarget } from '../../src/target/targets.ts';
import { endProcess } from './child-process.ts';
import { temporaryDirectory } from './temporary.ts';

export const root = join(import.meta.dirname, '../..');
export const lifeboat = join(root, 'bin/lifeboat.js');
export const isRoot = process.geteuid?.() === 0;

export interface Ended {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The document on stdout; asking for it fails when there is not exactly one. */
  readonly json: CliDocument;
}

/** What the documents of several commands may hold. */
export interface CliDocument {
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
  readonly exitStatus?: number;
  readonly run?: CliRun;
  readonly point?: string;
  readonly points?: readonly { readonly id: string; readonly trust: string }[];
  readonly checks?: readonly { readonly name: string; readonly state: string; readonly remedy?: string }[];
  readonly [key: string]: unknown;
}

export interface CliRun {
  readonly id: string;
  readonly status: string;
  readonly findings: readonly { readonly subject: string; readonly problem: string }[];
  readonly owed: readonly string[];
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly uid?: number;
  /** Options of Node itself. */
  readonly node?: readonly string[];
  /** A program, with its arguments, that becomes this one, such as `nsenter`. */
  readonly through?: readonly string[];
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when a line on stderr holds the text; rejects when the program ends without one. */
  saw(text: string): Promise<void>;
}

/** Starts `lifeboat` with these arguments and nothing of this process's environment that could change what it does. */
export function startLifeboat(args: readonly string[], options: CliOptions = {}): Running {
  const { env = {}, cwd, uid, node = [], through = [] } = options;
  const [program = '', ...rest] = [...through, process.execPath, ...node, lifeboat, ...args];
  const child = spawn(program, rest, {
    cwd: cwd ?? '/',
    env: { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin', HOME: '/', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  const waiting: { text: string; found: () => void }[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    stderr += `${line}\n`;
    for (const { text, found } of waiting) if (line.includes(text)) found();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({
        code,
        stdout,
        stderr,
        get json(): CliDocument {
          return JSON.parse(stdout);
        },
      });
    });
  });
  const saw = async (text: string) => {
    if (stderr.includes(text)) return;
    const found = Promise.withResolvers<void>();
    waiting.push({ text, found: found.resolve });
    const result = await Promise.race([found.promise, ended]);
    if (result !== undefined) throw new Error(`it ended without "${text}":\n${result.stdout}\n${result.stderr}`);
  };
  return { child, ended, saw };
}

export interface Sandbox extends AsyncDisposable {
  readonly base: string;
  readonly config: string;
  readonly state: string;
  readonly repository: string;
  /** What the configuration includes. */
  readonly source: string;
  readonly start: (args: readonly string[], options?: CliOptions) => Running;
  readonly run: (...args: readonly string[]) => Promise<Ended>;
  /** With `--json --quiet`, so that stdout is one document and stderr is empty. */
  readonly ask: (...args: readonly string[]) => Promise<Ended>;
  /** Writes the configuration again, with these lines below it. */
  configure(lines: string, repository?: string): void;
}

export interface SandboxOptions {
  /** Without the repository and the configuration. */
  readonly bare?: boolean;
  /** One whose configuration, keys, state and repository it begins with, as a copy. */
  readonly like?: Sandbox;
  /** For {@link like}: where its source is. The points of the other one are of that, which then nobody may change. @default its own */
  readonly source?: string;
}

/** A configuration whose host is called `box`, an empty repository, and a small tree to back up. */
export async function sandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { bare = false, like } = options;
  const directory = await temporaryDirectory();
  const base = directory.path;
  const at = (name: string) => join(base, name);
  const places = { config: at('etc/lifeboat.yaml'), state: at('state'), repository: at('repository') };
  const source = options.source ?? at('source');
  if (options.source === undefined) {
    mkdirSync(join(source, 'etc/ssh'), { recursive: true });
    writeFileSync(join(source, 'etc/hosts'), '127.0.0.1 localhost\n');
    writeFileSync(join(source, 'etc/ssh/config'), 'Host *\n', { mode: 0o600 });
  }
  const running = new Set<ChildProcess>();
  const start: Sandbox['start'] = (args, options) => {
    const one = startLifeboat(['--config', places.config, '--state-dir', places.state, ...args], options);
    running.add(one.child);
    one.child.once('exit', () => running.delete(one.child));
    return one;
  };
  const configure: Sandbox['configure'] = (lines, url = `file://${places.repository}`) => {
    mkdirSync(at('etc'), { recursive: true });
    const text = `repository: ${url}\nhost: box\nbackup:\n  include: [${source}]\n${lines}`;
    // At once: a scheduler may be reading it.
    writeFileSync(`${places.config}.new`, text);
    renameSync(`${places.config}.new`, places.config);
  };
  if (like !== undefined) takeOver(like, { base, source });
  else if (!bare) {
    configure('');
    await makeRepository(places.repository);
  }
  return {
    base,
    ...places,
    source,
    start,
    run: (...args) => start(args).ended,
    ask: (...args) => start(['--json', '--quiet', ...args]).ended,
    configure,
    async [Symbol.asyncDispose]() {
      await Promise.all([...running].map(endProcess));
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** What one sandbox has, with the times of its files, for another; the files that name its places name the other's. */
function takeOver(from: Sandbox, to: Pick<Sandbox, 'base' | 'source'>): void {
  for (const name of ['etc', 'state', 'repository']) {
    if (existsSync(join(from.base, name)))
      cpSync(join(from.base, name), join(to.base, name), { recursive: true, preserveTimestamps: true });
  }
  for (const name of ['etc/lifeboat.yaml', 'state/repositories.json']) {
    const path = join(to.base, name);
    if (!existsSync(path)) continue;
    let text = readFileSync(path, 'utf8').replaceAll(from.source, to.source);
    for (const place of ['etc', 'repository']) text = text.replaceAll(join(from.base, place), join(to.base, place));
    writeFileSync(path, text);
  }
}

/**
 * For many tests of one file that begin with the same sandbox: each is given a copy of one, which is prepared when the first is
 * wanted and removed after the last test. To be called where tests are described. The source is shared, and nobody may change it.
 */
export function copiesOf(prepare: () => Promise<Sandbox>): () => Promise<Sandbox> {
  return copiesAs(prepare, (copy) => copy);
}

/** The same for sandboxes that are more, which `as` makes of a copy of what the first has. */
export function copiesAs<Box extends Sandbox>(
  prepare: () => Promise<Box>,
  as: (copy: Sandbox, first: Box) => Box,
): () => Promise<Box> {
  let preparing: Promise<Box> | undefined;
  afterAll(async () => await (await preparing)?.[Symbol.asyncDispose]());
  return async () => {
    const first = await (preparing ??= prepare());
    return as(await sandbox({ like: first, source: first.source }), first);
  };
}

/** After a backup that made a point. */
export async function backedUp<Box extends Sandbox>(box: Box, ...args: readonly string[]): Promise<Box> {
  const { code, stdout } = await box.ask('backup', ...args);
  if (code !== 0 && code !== 4) throw new Error(`backup failed: ${stdout}`);
  return box;
}

export async function makeRepository(path: string): Promise<void> {
  const { signal } = new AbortController();
  await using target = await openTarget(path, { create: true }, signal);
  await initRepository(target, 'tar', new Date(), signal);
}

/** Everything below a directory with what a change would change, but for access times. */
export function listing(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const { mode, uid, gid, size, ino, mtimeNs, ctimeNs } = lstatSync(join(directory, name), { bigint: true });
    found[name] = [mode, uid, gid, size, ino, mtimeNs, ctimeNs].join(' ');
  }
  return found;
}

/** Names and contents of the files below a directory. */
export function contents(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const path = join(directory, name);
    found[name] = lstatSync(path).isFile() ? readFileSync(path, 'latin1') : '';
  }
  return found;
}

/** Objects of the repository by key, without those that are being written. */
export function objectsOf({ repository }: Pick<Sandbox, 'repository'>): string[] {
  return readdirSync(repository, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(repository.length + 1))
    .filter((key) => !key.startsWith('.tmp/'))
    .sort();
}

/** Ids of the points on record, and of those that have data: after anything that ended well, the same. */
export function pointsOf(place: Pick<Sandbox, 'repository'>): { readonly listed: string[]; readonly stored: string[] } {
  const ids = (keys: readonly (string | undefined)[]) => [...new Set(keys.filter((id) => id !== undefined))];
  const objects = objectsOf(place);
  return {
    listed: ids(objects.map((key) => /^lifeboat\/box\/points\/(.+)\.(?:zst|age)$/.exec(key)?.[1])),
    stored: ids(objects.map((key) => /^tar\/box\/([^.]+)\./.exec(key)?.[1])),
  };
}

/** A script for the sandbox, which root trusts as it is. */
export function script(path: string, text: string, mode = 0o755): string {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode });
  return path;
}

/**
 * Environment in which lifeboat sends itself a signal as soon as it has written the nth line on stderr that holds a
 * text: moments that no clock could hit.
 */
export function signalAt(place: Pick<Sandbox, 'base'>, text: string, nth: number, signal: string) {
  const preload = join(place.base, 'signal-at.mjs');
  writeFileSync(
    preload,
    `const { SIGNAL_TEXT: text, SIGNAL_NTH: nth, SIGNAL: signal } = process.env;
    const write = process.stderr.write.bind(process.stderr);
    let seen = 0;
    process.stderr.write = (line, ...rest) => {
      const done = write(line, ...rest);
      if (String(line).includes(text) && (seen += 1) === Number(nth)) process.kill(process.pid, signal);
      return done;
    };`,
  );
  return { env: { SIGNAL_TEXT: text, SIGNAL_NTH: String(nth), SIGNAL: signal }, node: ['--import', preload] };
}
