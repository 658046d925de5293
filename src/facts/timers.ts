/** Timers of systemd with what they start and when, out of their files: nobody needs to be running for that. */
import { z } from 'zod';
import { precedence, templateOf, type Units } from './units.ts';

export const timerSchema = z.object({
  name: z.string(),
  /** `OnCalendar=daily`, `OnBootSec=15min`: as the files have it. */
  schedule: z.array(z.string()),
  starts: z.string(),
  enabled: z.boolean(),
});

export type Timer = z.infer<typeof timerSchema>;

const fragment = /^(?:.*)\/([^/]+\.timer)(?:\.d\/([^/]+\.conf))?$/;

interface Settings {
  schedule: string[];
  starts?: string;
}

/** Those that are enabled start by themselves; any other is started by something else, or not at all. */
export function timersOf({ settings: contents, files }: Units): Timer[] {
  const main = new Map<string, string>();
  const dropIns = new Map<string, Map<string, string>>();
  for (const path of [...contents.keys()].sort((a, b) => precedence(b) - precedence(a))) {
    const [, name, dropIn] = fragment.exec(path) ?? [];
    if (name === undefined) continue;
    if (dropIn === undefined) main.set(name, path);
    else dropIns.set(name, (dropIns.get(name) ?? new Map<string, string>()).set(dropIn, path));
  }
  const states = new Map(files.map(({ name, state }) => [name, state]));
  const template = (name: string): string | undefined => main.get(templateOf(name) ?? '');
  const instances = [...states.keys()].filter((name) => !main.has(name) && template(name) !== undefined);
  return [...main.keys(), ...instances].sort().flatMap((name) => {
    const state = states.get(name);
    if (state === 'masked' || state === 'bad') return [];
    const added = [...(dropIns.get(name) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
    const settings: Settings = { schedule: [] };
    for (const path of [main.get(name) ?? template(name) ?? '', ...added]) apply(settings, contents.get(path) ?? '');
    const { schedule, starts = name.replace(/\.timer$/, '.service') } = settings;
    return [{ name, schedule, starts, enabled: state === 'enabled' || state === 'enabled-runtime' }];
  });
}

/** An empty assignment takes back all of its kind. */
function apply(settings: Settings, content: string): void {
  for (const line of content.split('\n')) {
    const [, key, value] = /^(On(?!Failure|Success)\w+|Unit)=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    if (key === 'Unit') settings.starts = value;
    else if (value === '') settings.schedule = settings.schedule.filter((item) => !item.startsWith(`${key}=`));
    else settings.schedule.push(`${key}=${value}`);
  }
}
