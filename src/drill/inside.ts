/** What is looked at in the machine that has booted from its own disks, by commands in it. */
import { anyCode } from '../host/any-code.ts';
import { isIP } from 'node:net';
import { z } from 'zod';
import type { Argv, Host, RunResult } from '../host/host.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import { sleep, throwIfAborted } from '../kernel/wait.ts';
import type { Check } from './report.ts';

/** What somebody wants to be looked at besides; each is carried out in the machine. */
export type WantedCheck = { readonly name: string; readonly within: number } & (
  | { readonly kind: 'command'; readonly argv: Argv; readonly expect?: string }
  | { readonly kind: 'http'; readonly url: string; readonly expect?: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'sql';
      readonly server: 'postgresql' | 'mysql';
      readonly query: string;
      readonly database?: string;
      readonly expect?: string;
    }
  | { readonly kind: 'file'; readonly path: string; readonly expect?: string }
);

/** Looks again until it is right or its time is over. */
export async function carryOut(host: Host, wanted: WantedCheck, signal: AbortSignal): Promise<Check> {
  const until = performance.now() + wanted.within;
  for (;;) {
    throwIfAborted(signal);
    const { passed, detail } = await lookOnce(host, wanted, signal);
    if (passed || performance.now() >= until) return { name: wanted.name, passed, detail };
    await sleep(Math.min(5_000, Math.max(100, until - performance.now())), signal);
  }
}

type Seen = Pick<Check, 'passed' | 'detail'>;

async function lookOnce(host: Host, wanted: WantedCheck, signal: AbortSignal): Promise<Seen> {
  switch (wanted.kind) {
    case 'command':
      return await answered(host, wanted.argv, wanted.expect, signal);
    case 'file':
      return await answered(host, ['cat', '--', wanted.path], wanted.expect, signal);
    case 'tcp':
      return await connects(host, wanted, signal);
    case 'http':
      return await fetches(host, wanted, signal);
    case 'sql':
      return await answered(host, sqlArgv(wanted), wanted.expect, signal);
  }
}

/** Its exit status is 0, and what it prints matches. */
async function answered(host: Host, argv: Argv, expect: string | undefined, signal: AbortSignal): Promise<Seen> {
  const result = await tried(host, argv, signal);
  if (result instanceof LifeboatError) return { passed: false, detail: firstLine(result.message) };
  if (result.code !== 0) return { passed: false, detail: `exit status ${result.code}: ${firstLine(result.stderr)}` };
  const text = result.stdout.toString();
  if (expect !== undefined && !new RegExp(expect, 'm').test(text)) {
    return { passed: false, detail: `nothing like ${expect} in: ${firstLine(text)}` };
  }
  return { passed: true, detail: firstLine(text) || 'done' };
}

const onceMs = 60_000;
/** Of an answer that somebody expects something in. */
const mostAnswered = 4 * 1024 * 1024;

async function tried(host: Host, argv: Argv, signal: AbortSignal): Promise<RunResult | LifeboatError> {
  try {
    return await host.run(argv, { timeoutMs: onceMs, okCodes: anyCode, maxOutput: mostAnswered }, signal);
  } catch (error) {
    throwIfAborted(signal);
    return asLifeboatError(error);
  }
}

const firstLine = (text: string): string => printable(text.trim().split('\n')[0]?.slice(0, 200) ?? '');

/** bash is on nearly every machine, and connects without any other program. */
async function connects(host: Host, { host: to, port }: { host: string; port: number }, signal: AbortSignal) {
  const script = 'exec 3<>"/dev/tcp/$1/$2"';
  const result = await tried(host, ['timeout', '20', 'bash', '-c', script, 'bash', to, String(port)], signal);
  if (result instanceof LifeboatError) return { passed: false, detail: firstLine(result.message) };
  const where = `${isIP(to) === 6 ? `[${to}]` : to}:${port}`;
  return result.code === 0
    ? { passed: true, detail: `${where} answers` }
    : { passed: false, detail: `${where}: ${firstLine(result.stderr)}` };
}

async function fetches(
  host: Host,
  { url, expect }: { url: string; expect?: string },
  signal: AbortSignal,
): Promise<Seen> {
  const argvs: Argv[] = [
    ['curl', '--silent', '--show-error', '--insecure', '--fail', '--max-time', '30', '--', url],
    ['wget', '-q', '-O', '-', '--no-check-certificate', '-T', '30', url],
    ['python3', '-c', python, url],
    ...plain(url),
  ];
  let last: Seen = { passed: false, detail: 'there is no curl, wget, python3 or bash in it' };
  for (const argv of argvs) {
    const result = await tried(host, argv, signal);
    if (result instanceof LifeboatError && result.code === 'tool-missing') continue;
    last = await answered(host, argv, expect, signal);
    break;
  }
  return last;
}

const python = 'import sys,urllib.request as u; sys.stdout.buffer.write(u.urlopen(sys.argv[1],timeout=30).read())';

/** HTTP by hand; `--` of curl stands for a status below 400, and so does this. */
function plain(url: string): Argv[] {
  const { protocol, hostname, port, pathname, search } = new URL(url);
  if (protocol !== 'http:') return [];
  const script = `exec 3<>"/dev/tcp/$1/$2"; printf 'GET %s HTTP/1.0\\r\\nHost: %s\\r\\n\\r\\n' "$3" "$1" >&3
answer=$(cat <&3); printf '%s\\n' "$answer"; case $answer in HTTP/1.?\\ [23]*) ;; *) exit 22 ;; esac`;
  return [['timeout', '30', 'bash', '-c', script, 'bash', hostname, port || '80', `${pathname}${search}`]];
}

function sqlArgv(wanted: Extract<WantedCheck, { kind: 'sql' }>): Argv {
  const { server, query, database } = wanted;
  const named = database === undefined ? [] : [database];
  if (server === 'mysql') return ['mysql', '--batch', '--skip-column-names', '-e', query, ...named];
  return ['runuser', '-u', 'postgres', '--', 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', query, ...named];
}

const canarySchema = z.looseObject({ point: z.string() });

/** The file that the backup wrote just before it read the others. */
export async function canary(host: Host, path: string, point: string, signal: AbortSignal): Promise<Check> {
  const name = 'canary';
  const result = await tried(host, ['cat', '--', path], signal);
  if (result instanceof LifeboatError) return { name, passed: false, detail: firstLine(result.message) };
  if (result.code !== 0) return { name, passed: false, detail: firstLine(result.stderr) };
  const read = canarySchema.safeParse(jsonOf(result.stdout.toString()));
  if (!read.success) return { name, passed: false, detail: `${path} is not what a backup writes` };
  const { point: found } = read.data;
  return found === point
    ? { name, passed: true, detail: `${path} is that of this point` }
    : { name, passed: false, detail: `${path} is of the point ${found}` };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
