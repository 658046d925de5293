/** What a person types, turned into what workflows take. */
import { isAbsolute, normalize } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { Host } from '../host/host.ts';
import { hostIdentity } from '../host/identity.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { keyName } from '../steps/prepare.ts';

/** @throws LifeboatError `usage` for a relative path or one with `..` in it */
export function absolutePaths(paths: readonly string[]): string[] {
  return paths.map((path) => {
    if (isAbsolute(path) && !path.split('/').includes('..')) return normalize(path);
    throw new LifeboatError('usage', `not an absolute path: ${JSON.stringify(path)}`, {
      hint: 'Give paths as they were on the host, from / and without "..": /etc/fstab.',
    });
  });
}

/** The name under which the points of this host stand in the repository. */
export async function hostNameOf(config: Config, host: Host, signal: AbortSignal): Promise<string> {
  return config.host ?? keyName((await hostIdentity(host, signal)).name);
}
