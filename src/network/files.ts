/** Files of configuration, all read by one process. */
import { createHash } from 'node:crypto';
import type { Asker } from '../host/asker.ts';
import type { Argv } from '../host/host.ts';
import { present } from '../kernel/present.ts';
import { linesArgv, linesCodes, parseSomeLines } from './many-files.ts';
import { configPlaces, isConfig, netfilterPlaces, sysctlFile, sysctlPlaces } from './places.ts';
import { redactConfig } from './redact.ts';
import { subjects } from './subjects.ts';
import type { ConfigFile } from './types.ts';

const maxContent = 256 * 1024;
const maxTotal = 4 * 1024 * 1024;

export const filesArgv: Argv = linesArgv([
  ...configPlaces,
  sysctlFile,
  ...sysctlPlaces,
  ...Object.values(netfilterPlaces),
]);

interface Found {
  readonly contents: ReadonlyMap<string, string>;
  readonly denied: readonly string[];
}

/** Raw: not to leave this room without {@link configFiles}. `undefined` where nothing could be read, which is then a gap. */
export async function readFiles(asker: Asker): Promise<Found | undefined> {
  const found = await asker.ask({
    argv: filesArgv,
    parse: parseSomeLines,
    okCodes: linesCodes,
    subject: subjects.files,
  });
  if (found === undefined) return undefined;
  for (const path of found.denied) {
    if (isConfig(path))
      asker.gap({ subject: path, problem: 'no permission to read it', hint: 'Run lifeboat as root.' });
  }
  return { contents: found.files, denied: found.denied };
}

/** What of them is recorded, in the order of their paths. */
export function configFiles({ contents }: Found): ConfigFile[] {
  let total = 0;
  return [...contents]
    .filter(([path]) => isConfig(path))
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([path, raw]): ConfigFile => {
      const content = raw.length > maxContent ? undefined : redactConfig(path, raw);
      total += content?.length ?? 0;
      const digest = content === undefined ? undefined : createHash('sha256').update(content).digest('hex');
      return {
        path,
        ...present({
          content: total > maxTotal ? undefined : content,
          digest,
          redacted: content === undefined || content === raw ? undefined : true,
        }),
      };
    });
}
