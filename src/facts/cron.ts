/** What cron runs: entries of crontabs, and the scripts of `/etc/cron.daily` and its sisters. Without passwords. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { type Contents, contentsBelow, found, reportDenied } from './reading.ts';
import { redactCommand } from '../kernel/redact-command.ts';

export const cronSchema = z.object({
  /** The file that says it. */
  source: z.string(),
  user: z.string(),
  /** Five fields, or a word such as `@daily`. */
  schedule: z.string(),
  /** Without what cron gives it on its standard input, and with passwords made unreadable. */
  command: z.string(),
});

export type CronEntry = z.infer<typeof cronSchema>;

const tables = ['/etc/crontab', '/etc/cron.d', '/var/spool/cron', '/etc/crontabs'];
const scripts = ['/etc/cron.hourly', '/etc/cron.daily', '/etc/cron.weekly', '/etc/cron.monthly'];

/** Lines that say something. */
const pattern = '^[[:space:]]*[^#[:space:]]';

const field = String.raw`[\w*/,~-]+`;
const times = new RegExp(
  String.raw`^\s*(@\w+|${Array.from({ length: 5 }, () => field).join(String.raw`\s+`)})\s+(.+)$`,
);

/** A table of a user is named after the user, and has no column for it. */
function ownerOf(path: string): string | undefined {
  return /^\/(?:var\/spool\/cron(?:\/crontabs|\/tabs)?|etc\/crontabs)\/([^/]+)$/.exec(path)?.[1];
}

/** cron passes over names with a dot in /etc/cron.d, which are what package managers and editors leave behind. */
function isRead(path: string): boolean {
  return path.startsWith('/etc/cron.d/') ? /^[\w-]+$/.test(path.slice('/etc/cron.d/'.length)) : true;
}

export function parseCrontabs(contents: Contents): CronEntry[] {
  return [...contents].sort(byPath).flatMap(([source, content]) => {
    const owner = ownerOf(source);
    if (!isRead(source) || (owner === undefined && !source.startsWith('/etc/cron'))) return [];
    return content.split('\n').flatMap((line) => {
      const [, schedule, rest] = times.exec(line) ?? [];
      if (schedule === undefined || rest === undefined) return [];
      const [, named, command] = owner === undefined ? (/^(\S+)\s+(.+)$/.exec(rest) ?? []) : ['', owner, rest];
      if (named === undefined || command === undefined) return [];
      return [{ source, user: named, schedule: schedule.replace(/\s+/g, ' '), command: shown(command) }];
    });
  });
}

function byPath([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** After an unescaped per cent sign comes what the command reads. */
function shown(command: string): string {
  return redactCommand(command.replace(/(?<!\\)%.*$/, '').trim());
}

export function parseCronScripts(paths: readonly string[]): CronEntry[] {
  return paths.toSorted().flatMap((path) => {
    const [, word, name] = /^\/etc\/cron\.(hourly|daily|weekly|monthly)\/([^/]+)$/.exec(path) ?? [];
    // run-parts(8) passes over names with a dot.
    if (word === undefined || name === undefined || name.includes('.')) return [];
    return [{ source: `/etc/cron.${word}`, user: 'root', schedule: `@${word}`, command: path }];
  });
}

/** Only files of a size that a table has: whoever may write one must not fill the document. */
const tableFiles = ['-maxdepth', '2', '-type', 'f', '-size', '-512k'];
const scriptFiles = ['-maxdepth', '1', '(', '-type', 'f', '-o', '-type', 'l', ')', '-perm', '-100', '-print0'];

export async function captureCron(asker: Asker): Promise<CronEntry[]> {
  const subject = 'cron';
  // No host has all of the places, and of each that is not there `find` says so; the directories of a cron hold scripts.
  const [contents, parts] = await Promise.all([
    contentsBelow(asker, { subject, find: [...tables, ...tableFiles], pattern, end: /^\/[^:]*:/, never: 'empty' }),
    found(asker, subject, [...scripts, ...scriptFiles], 'empty'),
  ]);
  reportDenied(asker, subject, parts?.denied ?? []);
  return [...parseCrontabs(contents), ...parseCronScripts(parts?.records ?? [])];
}
