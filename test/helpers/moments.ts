/** Seeded moments at which the real command line is killed: at its events, between two of its writes, at no matter what. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CliOptions, Ended, Sandbox } from './cli.ts';
import { signalAt } from './cli.ts';

/** `SEED=…` repeats a day's; otherwise another one every day. */
export const seed = Number(process.env['SEED'] ?? new Date().toISOString().slice(0, 10).replaceAll('-', ''));

/** mulberry32: small, seeded, good enough to choose moments. */
export function random(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Where a command can be killed, as a whole run of it has shown. */
export interface Moments {
  /** What distinguishes each event in its line of JSON. */
  readonly events: readonly string[];
  /** How often it changes something below the sandbox. */
  readonly writes: number;
  readonly ms: number;
}

/** Runs the command to its end, which must be good. */
export async function measured(box: Sandbox, args: readonly string[]): Promise<{ moments: Moments; ended: Ended }> {
  const began = performance.now();
  const ended = await box.start(['--json', ...args], killedAtWrite(box, 0)).ended;
  const ms = performance.now() - began;
  if (ended.code !== 0) throw new Error(`${args.join(' ')} ended with ${ended.code}:\n${ended.stdout}`);
  const writes = Number(readFileSync(join(box.base, 'writes'), 'utf8'));
  return { moments: { events: eventsOf(ended), writes, ms }, ended };
}

function eventsOf({ stderr }: Ended): string[] {
  const found = stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => {
      const { type, step, message } = JSON.parse(line);
      if (message) return `"step":"${step}","message":{"type":"${message.type}"`;
      return step === undefined ? `"type":"${type}"` : `"type":"${type}","step":"${step}"`;
    });
  return [...new Set(found)].filter((text) => text !== '"type":"run-finished"');
}

export interface Killed {
  /** Where it was meant to be, for messages. */
  readonly at: string;
  readonly ended: Ended;
}

/** A third each: at an event, before a write, and from outside at any time, which may come too late. */
export async function kill(
  box: Sandbox,
  args: readonly string[],
  { events, writes, ms }: Moments,
  next: () => number,
): Promise<Killed> {
  const way = Math.floor(next() * 3);
  const where = next();
  if (way === 0 && events.length > 0) {
    const event = events[Math.floor(where * events.length)] ?? '';
    return {
      at: `event ${event}`,
      ended: await box.start(['--json', ...args], signalAt(box, event, 1, 'SIGKILL')).ended,
    };
  }
  if (way === 1 && writes > 0) {
    const nth = 1 + Math.floor(where * writes);
    return { at: `write ${nth}`, ended: await box.start(['--json', ...args], killedAtWrite(box, nth)).ended };
  }
  const running = box.start(['--json', ...args]);
  const pause = where * ms * 0.9;
  await Promise.race([delay(pause), running.ended]);
  running.child.kill('SIGKILL');
  return { at: `${Math.round(pause)} ms`, ended: await running.ended };
}

/**
 * Options with which lifeboat kills itself before the nth change that it makes below the sandbox: a file opened for writing,
 * written, synced, named, linked or removed. With 0 it only counts them, into the file `writes`.
 */
export function killedAtWrite(box: Pick<Sandbox, 'base'>, nth: number): CliOptions {
  return { env: { KILL_BELOW: box.base, KILL_AT: String(nth) }, node: ['--import', preloadIn(box)] };
}

/** The same before the change that follows one of a path that holds the text. */
export function killedAfterWrite(box: Pick<Sandbox, 'base'>, text: string): CliOptions {
  return { env: { KILL_BELOW: box.base, KILL_AFTER: text }, node: ['--import', preloadIn(box)] };
}

function preloadIn({ base }: Pick<Sandbox, 'base'>): string {
  const preload = join(base, 'killed-at-write.mjs');
  if (!existsSync(preload)) writeFileSync(preload, PRELOAD);
  return preload;
}

const PRELOAD = `
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
const { KILL_BELOW: below, KILL_AT: nth, KILL_AFTER: text } = process.env;
const count = fs.writeFileSync;
let writes = 0;
let armed = false;
const meet = (...paths) => {
  writes += 1;
  if (armed || writes === Number(nth)) process.kill(process.pid, 'SIGKILL');
  if (text !== undefined && paths.some((path) => String(path).includes(text))) armed = true;
};
const inside = (path) => (typeof path === 'string' || Buffer.isBuffer(path)) && String(path).startsWith(below + '/');
const writing = (flags) => (typeof flags === 'number' ? (flags & 3) !== 0 : /[wa+]/.test(flags ?? 'r'));
for (const [room, suffix] of [[promises, ''], [fs, 'Sync']]) {
  for (const verb of ['rename', 'link', 'symlink', 'unlink', 'rm', 'rmdir', 'mkdir', 'chmod', 'chown', 'lchown', 'writeFile']) {
    const original = room[verb + suffix];
    room[verb + suffix] = (...args) => {
      if (args.slice(0, 2).some(inside)) meet(...args.slice(0, 2));
      return original(...args);
    };
  }
  const open = room['open' + suffix];
  const opened = (handle, counted) => {
    if (!counted || typeof handle === 'number') return handle;
    for (const verb of ['write', 'writeFile', 'appendFile', 'sync', 'datasync', 'truncate']) {
      const original = handle[verb];
      handle[verb] = (...args) => {
        meet();
        return original.apply(handle, args);
      };
    }
    return handle;
  };
  room['open' + suffix] = (path, flags, ...rest) => {
    const counted = inside(path) && writing(flags);
    if (counted) meet();
    const handle = open(path, flags, ...rest);
    return suffix === '' ? handle.then((one) => opened(one, counted)) : opened(handle, counted);
  };
}
syncBuiltinESMExports();
process.on('exit', () => {
  if (Number(nth) === 0) count(below + '/writes', String(writes));
});
`;
