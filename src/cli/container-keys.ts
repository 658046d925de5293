/** Who signs a checkpoint that stands alone, and whose signature counts: the key that the configuration names. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from '../config/schema.ts';
import { loadConfig } from '../config/load.ts';
import type { Host } from '../host/host.ts';
import { keyName } from '../steps/prepare.ts';
import { hostIdentity } from '../host/identity.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { type HostKey, readHostKey } from '../keys/host-key.ts';
import type { Keyring } from '../keys/keyring.ts';
import { keyringOfHostKey } from '../keys/ring.ts';
import { judgeContent } from '../keys/signed.ts';
import { defaultConfig, type Globals } from './globals.ts';

export interface SigningKeys {
  readonly hostName: string;
  /** Absent where no configuration names one. */
  readonly key?: HostKey;
}

/** @throws LifeboatError for a configuration or a key that cannot be read */
export async function signingKeys(globals: Globals, host: Host, signal: AbortSignal): Promise<SigningKeys> {
  const config = await configIfThere(globals);
  const key = config?.key === undefined ? undefined : readHostKey(config.key);
  const hostName = key?.host ?? config?.host ?? keyName((await hostIdentity(host, signal)).name);
  return { hostName, ...(key === undefined ? {} : { key }) };
}

/** Whose signatures count here; `undefined` where no configuration names a key. */
export async function judgingKeys(globals: Globals): Promise<Keyring | undefined> {
  const config = await configIfThere(globals);
  return config?.key === undefined ? undefined : keyringOfHostKey(readHostKey(config.key));
}

/** None is needed, but one that was asked for has to be there. */
async function configIfThere({ config }: Globals): Promise<Config | undefined> {
  if (config === defaultConfig && !existsSync(config)) return undefined;
  return await loadConfig(resolve(config));
}

/**
 * The judge of a checkpoint: it counts where this host has signed it, or another one whose key the same recovery code vouches for.
 *
 * @throws (from what it returns) LifeboatError `untrusted`
 */
export function judgeCheckpoint(
  file: string,
  keys: Pick<Keyring, 'judge' | 'signs'> | undefined,
): (document: Uint8Array, signature: Uint8Array | undefined, host: string) => void {
  return (document, signature, host) => {
    if (signature === undefined) throw untrusted(`nobody has signed ${file}`);
    if (keys === undefined) throw untrusted(`there is no key here to judge who signed ${file}`);
    if (judgeContent('checkpoint', document, signature, host, keys) === 'trusted') return;
    throw untrusted(`${file} says that it is of ${host}, and nobody here vouches for who signed it`);
  };
}

function untrusted(message: string): LifeboatError {
  return new LifeboatError('untrusted', message, {
    hint: 'What it holds runs here with the rights of the container. If you know where it is from, add --unsigned.',
  });
}
