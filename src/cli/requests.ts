/** What a person types, turned into what workflows take. */
import { isAbsolute, normalize, resolve } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { OwnerMap } from '../engine/restore/owners.ts';
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

/** @throws LifeboatError `usage` unless exactly one of the two says where to restore to */
export function destinationPath({ to, inPlace }: { readonly to?: string; readonly inPlace: boolean }): string {
  if (inPlace && to === undefined) return '/';
  if (!inPlace && to !== undefined) return resolve(to);
  throw new LifeboatError('usage', 'where to restore to: give either --to DIR or --in-place');
}

/**
 * @param rules `user:OLD=NEW` and `group:OLD=NEW`
 * @throws LifeboatError `usage`
 */
export function ownerMap(rules: readonly string[]): OwnerMap | undefined {
  if (rules.length === 0) return undefined;
  const users: Record<string, number> = {};
  const groups: Record<string, number> = {};
  for (const rule of rules) {
    const [, kind, from = '', to = ''] = /^(user|group):(\d+)=(\d+)$/.exec(rule) ?? [];
    const owners = kind === 'group' ? groups : users;
    // The largest number means "no change" to the kernel.
    if (
      kind === undefined ||
      Number(from) > 0xfffffffe ||
      Number(to) > 0xfffffffe ||
      owners[Number(from)] !== undefined
    ) {
      throw new LifeboatError(
        'usage',
        `not an owner map, or a second one for the same owner: ${JSON.stringify(rule)}`,
        {
          hint: 'Write user:OLD=NEW or group:OLD=NEW with numbers, as user:1000=2000.',
        },
      );
    }
    owners[Number(from)] = Number(to);
  }
  return { users, groups };
}
