/** Looks for secrets where none may be: in files, in output, in what processes show of themselves. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { decryptBytes } from '../../src/age/age.ts';
import type { Identity } from '../../src/age/keys.ts';

/** Name of a secret → its bytes. */
export type Canaries = Readonly<Record<string, Buffer>>;

/** Text that betrays a secret: itself, and what encodings make of it wherever it stands in what is encoded. */
function formsOf(secret: Buffer): Buffer[] {
  const text = secret.toString('latin1');
  const hex = secret.toString('hex');
  const base64 = [0, 1, 2].flatMap((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), secret]).toString('base64');
    // Without the characters that depend on the bytes before and after.
    const sure = encoded
      .slice(shift === 0 ? 0 : 4)
      .replace(/.?=*$/, '')
      .slice(0, -1);
    return [sure, sure.replaceAll('+', '-').replaceAll('/', '_')];
  });
  const dashless = text.replaceAll('-', '');
  const all = [text, text.toLowerCase(), dashless, dashless.toLowerCase(), hex, hex.toUpperCase(), ...base64];
  return [...new Set(all)].filter((form) => form.length >= 8).map((form) => Buffer.from(form, 'latin1'));
}

/** Names of the secrets that are in these bytes, in whatever form. */
export function foundIn(bytes: Buffer, canaries: Canaries): string[] {
  return Object.entries(canaries).flatMap(([name, secret]) =>
    formsOf(secret).some((form) => bytes.includes(form)) ? [name] : [],
  );
}

/**
 * `path: secret` for each file below a directory that holds one, also in what is encrypted or compressed in it; names of
 * files and targets of links too.
 *
 * @param except paths below the directory that are left out with what is below them
 */
export function leaksBelow(
  directory: string,
  canaries: Canaries,
  identities: readonly Identity[],
  except: readonly string[] = [],
): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(directory.length + 1);
    if (except.some((one) => name === one || name.startsWith(`${one}/`))) return [];
    const bytes = entry.isFile()
      ? opened(name, readFileSync(path), identities)
      : Buffer.from(entry.isSymbolicLink() ? readlinkSync(path) : '');
    return foundIn(Buffer.concat([Buffer.from(name), bytes]), canaries).map((found) => `${name}: ${found}`);
  });
}

/** A file's bytes, and those that are in them. */
function opened(name: string, bytes: Buffer, identities: readonly Identity[]): Buffer {
  const inside = () => {
    if (name.endsWith('.age')) {
      return opened(name.includes('/keys/') ? '' : '.zst', decryptBytes(bytes, identities), identities);
    }
    if (name.endsWith('.zst')) return execFileSync('zstd', ['-dc'], { input: bytes, maxBuffer: 1 << 28 });
    if (name.endsWith('.gz')) return gunzipSync(bytes);
    return Buffer.alloc(0);
  };
  return Buffer.concat([bytes, inside()]);
}

/**
 * Reads what every process below this one shows in /proc, until it is stopped.
 *
 * @returns a function that stops it and gives all command lines and environments that were seen
 */
export function watchProcesses(): () => Promise<readonly Buffer[]> {
  const seen = new Map<string, Buffer>();
  const stopped = new AbortController();
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      for (const pid of descendants(process.pid)) {
        for (const file of ['cmdline', 'environ']) {
          const bytes = read(`/proc/${pid}/${file}`);
          if (bytes !== undefined) seen.set(`${pid} ${file} ${bytes.toString('latin1')}`, bytes);
        }
      }
      await delay(4);
    }
  })();
  return async () => {
    stopped.abort();
    await watching;
    return [...seen.values()];
  };
}

function descendants(pid: number): number[] {
  const children = tasks(pid).flatMap((task) => {
    const text = read(`/proc/${pid}/task/${task}/children`)?.toString() ?? '';
    return text.split(' ').filter(Boolean).map(Number);
  });
  return [...children, ...children.flatMap(descendants)];
}

function tasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Of a process that may be gone. */
function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** A module for `--import` that writes down the command line and environment of every child that a process starts. */
export const spawnSpy = `
import { appendFileSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
const processes = createRequire(import.meta.url)('node:child_process');
const { ChildProcess } = processes;
const spawn = ChildProcess.prototype.spawn;
ChildProcess.prototype.spawn = function (options) {
  appendFileSync(process.env.SPY_LOG, JSON.stringify([options.file, options.args, options.envPairs]) + '\\n');
  return spawn.call(this, options);
};
syncBuiltinESMExports();
`;
