/** A drill of a server that does real work, as its command line does it: of the repository that its backup made, on the machine of the tests. */
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { localHost } from '../../src/host/local.ts';
import { reportSchema } from '../../src/drill/report.ts';
import { output } from '../helpers/child-process.ts';
import { startLifeboat } from '../helpers/cli.ts';
import { labEmulation } from './prepared.ts';
import { qemuInPath } from './qemu-in-path.ts';
import { rescueMedium, rescueState } from './rescue.ts';
import type { Protected } from './source/protect.ts';

const documentSchema = reportSchema.extend({ files: z.string(), onRecord: z.union([z.literal(true), z.string()]) });

export interface Drilled {
  readonly code: number | null;
  readonly stderr: string;
  readonly document: z.output<typeof documentSchema>;
  /** Asks for something else of the same host. */
  readonly ask: (...words: readonly string[]) => Promise<unknown>;
}

/**
 * @param settings of the configuration, besides those of the source
 * @param directory in which all of it is, also the state of lifeboat
 */
export async function drillOf(
  { repository, files }: Protected,
  settings: object,
  words: readonly string[],
  directory: string,
  signal: AbortSignal,
): Promise<Drilled> {
  if (repository === undefined) throw new Error('the repository is not on a disk');
  const { qemu, accelerator } = await labEmulation(signal);
  const at = (name: string): string => join(directory, name);
  const [raw, points] = [at('repository.raw'), at('repository')];
  await mkdir(points);
  const convert = [...qemu.argv('qemu-img'), 'convert', '-O', 'raw', repository.file, raw] as const;
  await localHost().run(convert, { env: qemu.env, timeoutMs: 600_000 }, signal);
  // Without mounting it: whoever runs the tests need not be allowed to.
  await output('/usr/sbin/debugfs', '-R', `rdump / ${points}`, raw);
  const key = files.find(({ path }) => basename(path) === 'host.key');
  const config = files.find(({ path }) => basename(path) === 'lifeboat.yaml');
  if (key === undefined || config === undefined) throw new Error('the source has no key or configuration');
  await writeFile(at('host.key'), key.content, { mode: 0o600 });
  const text = config.content
    .replaceAll('/etc/lifeboat/host.key', at('host.key'))
    .replace(/^repository: .*$/m, `repository: ${points}`)
    .replace(/^# host: name$/m, `host: lifeboat-lab`);
  await writeFile(at('lifeboat.yaml'), `${text}\n${stringify(settings)}`, { mode: 0o600 });
  // The base of media, which is made once for all tests.
  await rescueMedium();
  await mkdir(at('state/rescue'), { recursive: true });
  await symlink(join(rescueState, 'rescue/cache'), at('state/rescue/cache'));
  const options = { env: { PATH: await qemuInPath(directory) } };
  const globals = ['--config', at('lifeboat.yaml'), '--state-dir', at('state'), '--json', '--no-color'];
  const drill = startLifeboat([...globals, 'drill', '--accelerator', accelerator, ...words], options);
  const { code, stdout, stderr } = await drill.ended;
  const parsed = documentSchema.safeParse(jsonOf(stdout));
  if (!parsed.success) throw new Error(`the drill ended with ${code}:\n${stdout}\n${stderr}`);
  return {
    code,
    stderr,
    document: parsed.data,
    ask: async (...asked) => jsonOf((await startLifeboat([...globals, '--quiet', ...asked], options).ended).stdout),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What is kept of a drill. */
export const evidenceOf = async ({ document }: Drilled, name: string): Promise<Buffer> =>
  await readFile(join(document.files, name));
