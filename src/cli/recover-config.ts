/** Which configuration a recovery goes by: what was typed, what the loader told, what lies on the medium. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import type { Globals } from './globals.ts';
import { configured } from './session.ts';

export interface Sources {
  readonly globals: Globals;
  /** In place of the repository that the configuration names. All else that is in it holds: what the loader tells only narrows. */
  readonly told?: string;
}

/** A repository that the loader tells stands for the whole configuration only where there is none. */
export function sourcesOf(globals: Globals, told: string | undefined): Sources {
  if (told === undefined) return { globals };
  return existsSync(resolve(globals.config)) ? { globals, told } : { globals: { ...globals, repository: told } };
}

/** URLs that are meant, those of the configuration where no others are; none where that is wrong, which is told elsewhere. */
export async function repositoriesOf({ globals, told }: Sources): Promise<readonly string[]> {
  const { repositories, repository, config: file } = globals;
  if (repositories !== undefined || repository !== undefined) return repositories ?? [repository ?? ''];
  const config = await loadConfig(resolve(file)).catch(() => undefined);
  const own = config === undefined ? [] : [told ?? config.repository, ...(config.recover?.repositories ?? [])];
  return [...new Set(own)];
}

/** Of several repositories, the first that answers says whose points it has. With `json` nobody is asked for the code. */
export async function recoveryConfig({ globals, told }: Sources): ReturnType<typeof configured> {
  if (told !== undefined) {
    const { config, inputs } = await configured(globals);
    const own = { ...config, repository: told };
    return { config: own, inputs: { ...inputs, config: own } };
  }
  const urls = globals.repositories ?? [];
  if (urls.length < 2) return await configured(globals);
  const failures: LifeboatError[] = [];
  for (const repository of urls) {
    try {
      return await configured({ ...globals, repository });
    } catch (error) {
      const failure = asLifeboatError(error);
      if (failure.code === 'interrupted' || failure.code === 'usage') throw failure;
      process.stderr.write(`${printable(`${repository}: ${failure.message}`)}\n`);
      failures.push(failure);
    }
  }
  throw failures[0] ?? new LifeboatError('usage', 'no repository is named');
}
