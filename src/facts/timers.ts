/** Timers of systemd with what they start and when, out of their files: nobody needs to be running for that. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import type { Places } from './places.ts';
import { type Contents, contentsBelow } from './reading.ts';
import type { UnitFile } from './services.ts';

export const timerSchema = z.object({
  name: z.string(),
  /** `OnCalendar=daily`, `OnBootSec=15min`: as the files have it. */
  schedule: z.array(z.string()),
  starts: z.string(),
  enabled: z.boolean(),
});

export type Timer = z.infer<typeof timerSchema>;

/** The later overrides the earlier (systemd.unit(5)). */
const directories = [
  '/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/usr/local/lib/systemd/system',
  '/run/systemd/system',
  '/etc/systemd/system',
] as const;

function rank(path: string): number {
  return directories.findIndex((directory) => path.startsWith(`${directory}/`));
}

const fragment = /^(?:.*)\/([^/]+\.timer)(?:\.d\/([^/]+\.conf))?$/;

interface Settings {
  schedule: string[];
  starts?: string;
}

/** @param files of units, whose state says which are enabled; a static one is started by something else */
export function timersOf(contents: Contents, files: readonly UnitFile[]): Timer[] {
  const main = new Map<string, string>();
  const dropIns = new Map<string, Map<string, string>>();
  for (const path of [...contents.keys()].sort((a, b) => rank(a) - rank(b))) {
    const [, name, dropIn] = fragment.exec(path) ?? [];
    if (name === undefined) continue;
    if (dropIn === undefined) main.set(name, path);
    else dropIns.set(name, (dropIns.get(name) ?? new Map<string, string>()).set(dropIn, path));
  }
  const states = new Map(files.map(({ name, state }) => [name, state]));
  return [...main.keys()].sort().flatMap((name) => {
    const state = states.get(name) ?? 'static';
    if (state === 'masked' || state === 'bad') return [];
    const added = [...(dropIns.get(name) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
    const settings: Settings = { schedule: [] };
    for (const path of [main.get(name) ?? '', ...added]) apply(settings, contents.get(path) ?? '');
    const { schedule, starts = name.replace(/\.timer$/, '.service') } = settings;
    return [{ name, schedule, starts, enabled: state === 'enabled' || state === 'enabled-runtime' }];
  });
}

/** An empty assignment takes back all of its kind. */
function apply(settings: Settings, content: string): void {
  for (const line of content.split('\n')) {
    const [, key, value] = /^(On\w+|Unit)=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    if (key === 'Unit') settings.starts = value;
    else if (value === '') settings.schedule = settings.schedule.filter((item) => !item.startsWith(`${key}=`));
    else settings.schedule.push(`${key}=${value}`);
  }
}

const timerFiles = ['-maxdepth', '2', '(', '-name', '*.timer', '-o', '-path', '*.timer.d/*.conf', ')', '-type', 'f'];

export async function captureTimers(
  asker: Asker,
  there: Places,
  files: readonly UnitFile[] | undefined,
): Promise<Timer[] | undefined> {
  if (!there.has('systemd')) return [];
  const contents = await contentsBelow(asker, {
    subject: 'timers',
    find: [...directories, ...timerFiles],
    pattern: '^(On[A-Za-z]+|Unit)=',
  });
  return files === undefined ? undefined : timersOf(contents, files);
}
