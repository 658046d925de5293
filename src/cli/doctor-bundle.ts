/** A bundle for a bug report: what somebody who helps needs to see, without what nobody else may see. */
import { createWriteStream } from 'node:fs';
import { open, readdir, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { stringify } from 'yaml';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import type { Host } from '../host/host.ts';
import { asLifeboatError, explaining, hasErrno, LifeboatError } from '../kernel/errors.ts';
import { redact, REDACTED, redactText } from '../kernel/secret.ts';
import { printable } from '../kernel/text.ts';
import { formatBytes } from '../kernel/units.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import { listRuns, runPaths } from '../workflow/store.ts';
import { type Check, doctorText } from './doctor.ts';
import { factsDocument, layoutDocument, networkDocument } from './documents.ts';
import { table } from './output.ts';
import type { Session } from './session.ts';
import { statusOf } from './status.ts';
import { version } from './version.ts';

const recentRuns = 10;
/** Of each file the end: what went wrong stands there. */
const maxBytes = 4 * 1024 * 1024;
const tools = [
  ['tar', '--version'],
  ['zstd', '--version'],
  ['age', '--version'],
  ['lsblk', '--version'],
  ['findmnt', '--version'],
  ['ip', '-V'],
  ['ssh', '-V'],
  ['systemctl', '--version'],
] as const;

/** In a configuration that a journal holds: the path of a webhook is what lets somebody post there. */
const webhookPath = /("webhook":\s*"https?:\/\/)(?:[^/?#"@]*@)?([^/?#"]+)[^"]*"/g;
/** What a drop-in or a program printed: `PGPASSWORD=…`, `?token=…`, `--password=…`, `Authorization: Bearer …`. */
const namedSecret =
  /([\w.-]{0,40}(?:pass(?:w(?:or)?d|phrase)?|pwd|secret|token|signature|(?:api|access|private|auth)[-_]?key)\d*(?:=|:\s+))(?:[^\s"'\\&,;]+|\\"[^"\\]*|'[^']*)/gi;
const bearer = /\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/g;

interface Part {
  readonly name: string;
  readonly text: string;
}

export interface Bundle {
  readonly path: string;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

/**
 * Writes a `.tar.gz` that its owner alone can read. What cannot be collected is in it as its error, as that may be the bug.
 *
 * @throws LifeboatError `exists` for a file that is there already; `no-space`, … and nothing is left behind
 */
export async function writeBundle(path: string, checks: readonly Check[], session: Session): Promise<Bundle> {
  const { signal } = session;
  const target = resolve(path);
  const file = await explaining(`write ${target}`, () => reserve(target));
  try {
    await knowSecrets(session);
    const parts: Part[] = [];
    for await (const part of collect(checks, session)) {
      throwIfAborted(signal);
      // Whatever it is made of: nothing goes in that was not looked through.
      parts.push({ name: part.name, text: withoutSecrets(part.text) });
    }
    const files = parts.map(({ name, text }) => ({ name, bytes: Buffer.byteLength(text) }));
    const { TarArchive } = await import('archiver');
    const archive = new TarArchive({ gzip: true });
    const written = pipeline(archive, createWriteStream('', { fd: file.fd, autoClose: false }), { signal });
    const folder = basename(target).replace(/\.(tar\.gz|tgz)$/, '');
    const date = new Date();
    for (const { name, text } of parts) archive.append(text, { name: `${folder}/${name}`, mode: 0o600, date });
    await explaining(`write ${target}`, async () => {
      await Promise.all([archive.finalize(), written]);
      await file.sync();
      await file.close();
    });
    return { path: target, files };
  } catch (error) {
    // What cannot be closed is so already.
    await file.close().catch(() => {});
    throw await removed(target, error);
  }
}

/** Removes what is not whole. @returns what it failed by, and where it cannot be removed, that too */
export async function removed(path: string, failure: unknown): Promise<unknown> {
  try {
    await unlink(path);
    return failure;
  } catch (error) {
    const { code, message } = asLifeboatError(failure);
    return new LifeboatError(code, `${message}; and what there is of ${path} cannot be removed`, {
      hint: `Remove it yourself: ${asLifeboatError(error).message}`,
      cause: failure,
    });
  }
}

function withoutSecrets(text: string): string {
  return redactText(text)
    .replaceAll(webhookPath, `$1$2/${REDACTED}"`)
    .replaceAll(namedSecret, `$1${REDACTED}`)
    .replaceAll(bearer, `$1 ${REDACTED}`);
}

async function reserve(path: string) {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    if (!hasErrno(error, 'EEXIST')) throw error;
    throw new LifeboatError('exists', `${path} is there already`, { hint: 'Choose another name, or remove it.' });
  }
}

export function bundleText({ path, files }: Bundle): string {
  const rows = files.map(({ name, bytes }) => [name, formatBytes(bytes)]);
  return `${table(['in the bundle', ''], rows)}\n\nWrote ${printable(path)}. Paths, addresses and names of this host are in it: read it before you send it.`;
}

/** Each secret that this host has is asked for once, so that redaction knows it. */
async function knowSecrets({ globals, context }: Session): Promise<void> {
  const folder = join(dirname(resolve(globals.config)), 'secrets');
  const names = await readdir(folder).catch(() => []);
  for (const name of new Set([...names, 'webhook-url', 'recovery-code'])) {
    try {
      context.secrets.get(name);
    } catch {
      // One that is not trusted is not used, and so is in no log; doctor names it where it matters.
    }
  }
}

async function* collect(checks: readonly Check[], session: Session): AsyncGenerator<Part> {
  const { globals, host, context, signal } = session;
  const { stateDir } = context;
  yield* part('versions.json', async () => json(await versions(host, signal)), signal);
  yield { name: 'doctor.json', text: json(checks) };
  yield { name: 'doctor.txt', text: doctorText(checks) };
  const config = await loadConfig(resolve(globals.config)).catch((error: unknown) => asLifeboatError(error));
  if (config instanceof LifeboatError) yield { name: 'config.error.txt', text: errorText(config) };
  else {
    yield { name: 'config.yaml', text: stringify(redact(withoutSecretPlaces(config))) };
    yield* part('status.json', async () => json((await statusOf(config, session, Date.now())).status), signal);
  }
  for (const kind of [layoutDocument, networkDocument, factsDocument]) {
    yield* part(`captures/${kind.name}.json`, async () => json(await kind.capture(host, signal)), signal);
  }
  yield* files(join(stateDir, 'schedules'), 'schedules', (name) => name.endsWith('.json'), signal);
  const runs = await listRuns(stateDir).catch(() => []);
  yield {
    name: 'runs.json',
    text: json(runs.map((run) => ('status' in run ? run : { id: run.id, error: run.error.message }))),
  };
  for (const { id } of runs.slice(0, recentRuns)) {
    yield* files(runPaths(stateDir, id).directory, `runs/${id}`, (name) => /\.(ndjson|json)$/.test(name), signal);
  }
  const journal = ['journalctl', '--unit', 'lifeboat-schedule', '--lines', '2000', '--no-pager', '--utc'] as const;
  yield* part(
    'journal-of-service.txt',
    async () => (await host.run(journal, {}, signal)).stdout.toString('utf8'),
    signal,
  );
}

async function* part(name: string, make: () => Promise<string>, signal: AbortSignal): AsyncGenerator<Part> {
  try {
    yield { name, text: await make() };
  } catch (error) {
    throwIfAborted(signal);
    yield { name: `${name}.error.txt`, text: errorText(error) };
  }
}

/** Files of a folder of ours; each line that is JSON is redacted by its keys too. */
async function* files(
  folder: string,
  below: string,
  wanted: (name: string) => boolean,
  signal: AbortSignal,
): AsyncGenerator<Part> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter(wanted).sort()) {
    const make = async () => {
      const text = await tail(join(folder, name));
      return name.endsWith('.json') ? json(JSON.parse(text)) : text.split('\n').map(redactedLine).join('\n');
    };
    yield* part(`${below}/${name}`, make, signal);
  }
}

/** From the beginning of a line on. */
async function tail(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - maxBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const text = buffer.toString('utf8', 0, bytesRead);
    return start === 0 ? text : text.slice(text.indexOf('\n') + 1);
  } finally {
    await file.close();
  }
}

function redactedLine(line: string): string {
  try {
    const value: unknown = JSON.parse(line);
    return JSON.stringify(redact(value));
  } catch {
    return line;
  }
}

function withoutSecretPlaces(config: Config): Config {
  const { notify } = config;
  if (notify?.webhook === undefined || notify.webhook === 'secret') return config;
  return { ...config, notify: { ...notify, webhook: `${new URL(notify.webhook).origin}/[redacted]` } };
}

async function versions(host: Host, signal: AbortSignal): Promise<Record<string, string>> {
  const found: Record<string, string> = {
    lifeboat: version(),
    node: process.version,
    architecture: process.arch,
    user: String(process.geteuid?.()),
  };
  for (const [name, option] of [...tools, ['uname', '-a'] as const]) {
    try {
      const { stdout, stderr } = await host.run([name, option], { timeoutMs: 10_000, okCodes: [0, 1, 255] }, signal);
      found[name] = (stdout.toString('utf8').trim() || stderr.trim()).split('\n')[0] ?? '';
    } catch (error) {
      throwIfAborted(signal);
      found[name] = asLifeboatError(error).message;
    }
  }
  return found;
}

function errorText(error: unknown): string {
  const { code, message, hint } = asLifeboatError(error);
  return `${code}: ${message}\n${hint === undefined ? '' : `next: ${hint}\n`}`;
}

function json(value: unknown): string {
  return `${JSON.stringify(redact(value), null, 2)}\n`;
}
