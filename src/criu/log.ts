/** CRIU's log, which says why something failed: its last part read, and its lines taken apart. */
import { open } from 'node:fs/promises';
import { hasErrno } from '../kernel/errors.ts';

export interface LogLine {
  /** Seconds since CRIU began; absent for lines that it writes without. */
  readonly seconds?: number;
  /** The task that the line is about, as it is numbered in the tree; absent for CRIU itself. */
  readonly task?: number;
  readonly level: 'error' | 'warning' | 'other';
  /** Without task and place in CRIU's source. */
  readonly text: string;
}

/** How much of the end of a log is read: a log of a large tree has hundreds of MB, and what ended it stands at its end. */
const tailBytes = 1 << 20;

/** The last part of a log, from the beginning of a line; empty where there is no log. */
export async function readLogTail(path: string): Promise<string> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const start = Math.max(0, size - tailBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, tailBytes)), 0, undefined, start);
    const text = buffer.toString('utf8', 0, bytesRead);
    return start === 0 ? text : text.slice(text.indexOf('\n') + 1);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return '';
    throw error;
  }
}

export function parseLog(text: string): readonly LogLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine);
}

const linePattern = /^(?:\((\d+\.\d+)\) ?)?\s*(?:(?:pie: )?(\d+): )?(?:(Error|Warn) +\([^()]*\): ?)?(.*)$/;

function parseLine(line: string): LogLine {
  const [, seconds, task, level, text = ''] = linePattern.exec(line) ?? [];
  return {
    ...(seconds === undefined ? {} : { seconds: Number(seconds) }),
    ...(task === undefined ? {} : { task: Number(task) }),
    level: level === 'Error' ? 'error' : level === 'Warn' ? 'warning' : 'other',
    text: text.trim(),
  };
}

/** What CRIU called errors, in its order and without repeats. */
export function errorsIn(text: string): readonly LogLine[] {
  const seen = new Set<string>();
  return parseLog(text).filter((line) => line.level === 'error' && !seen.has(line.text) && seen.add(line.text));
}

/** Pids, on this machine, of the tasks that CRIU had made in a restore when it wrote this. */
export function restoredPids(text: string): readonly number[] {
  return [...new Set([...text.matchAll(/\bPID: real (\d+) virt \d+/g)].map(([, pid]) => Number(pid)))];
}

/** The names that this run of CRIU gave to itself; what it locks the network with has one of them. None before CRIU 4.1. */
export function runIds(text: string): readonly string[] {
  return [...text.matchAll(/\bCRIU run id = ([0-9a-f-]{20,})/g)].map(([, id = '']) => id);
}
