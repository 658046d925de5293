/** Who we are to an ssh server: private keys in files, and those that an agent holds. */
import { readFile, stat } from 'node:fs/promises';
import ssh2, {
  BaseAgent,
  type IdentityCallback,
  type OpenSSHAgent,
  type ParsedKey,
  type PublicKeyEntry,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';
import { explaining, hasErrno, LifeboatError } from '../kernel/errors.ts';
import type { Secret, SecretSource } from '../kernel/secret.ts';
import { shellQuote } from './quote.ts';
import type { SshSettings, SshTarget } from './ssh-config.ts';

/** A way to log in, to be tried in this order. */
export type Login =
  | { readonly kind: 'key'; readonly key: ParsedKey }
  | { readonly kind: 'agent'; readonly agent: BaseAgent | string };

export interface Logins {
  readonly logins: readonly Login[];
  /** Why keys that are there cannot be used; worth telling only when none of the others is accepted. */
  readonly unusable: readonly string[];
}

/**
 * The keys of a target: those that the agent holds first, as they need no passphrase.
 *
 * @param secrets `ssh-passphrase`, for keys that have one; `ssh-recovery-key`, a private key that is tried after all others
 * @throws LifeboatError for the key that `settings` name when it cannot be used; others are passed over
 */
export async function loginsOf(target: SshTarget, settings: SshSettings, secrets: SecretSource): Promise<Logins> {
  const passphrase = secrets.get('ssh-passphrase');
  const logins: Login[] = [];
  const unusable: string[] = [];
  const files = [...new Set(target.identityFiles)];
  if (target.agent !== undefined) {
    const only = target.identitiesOnly || settings.identityFile !== undefined;
    const agent = only ? new FilteringAgent(target.agent, await publicKeys(files)) : target.agent;
    logins.push({ kind: 'agent', agent });
  }
  for (const path of files) {
    try {
      const key = await readKey(path, passphrase);
      if (key !== undefined) logins.push({ kind: 'key', key });
    } catch (error) {
      if (path === settings.identityFile || !(error instanceof LifeboatError)) throw error;
      unusable.push(error.message);
    }
  }
  const recovery = ssh2.utils.parseKey(secrets.get('ssh-recovery-key')?.reveal() ?? '');
  if (!(recovery instanceof Error)) logins.push({ kind: 'key', key: recovery });
  if (settings.identityFile !== undefined && logins.length === 0) {
    throw new LifeboatError('not-found', `there is no private key ${settings.identityFile}`);
  }
  return { logins, unusable };
}

/** @returns `undefined` when there is no such file */
async function readKey(path: string, passphrase: Secret | undefined): Promise<ParsedKey | undefined> {
  const text = await explaining(`read the private key ${path}`, async () => {
    try {
      const { mode } = await stat(path);
      if ((mode & 0o077) !== 0) {
        throw new LifeboatError('permission-denied', `the private key ${path} can be read by others`, {
          hint: `chmod 600 ${shellQuote(path)}; if they may have read it, make a new key.`,
        });
      }
      return await readFile(path);
    } catch (error) {
      if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    }
  });
  if (text === undefined) return undefined;
  const key = ssh2.utils.parseKey(text, passphrase?.reveal());
  if (!(key instanceof Error)) return key;
  const locked = /passphrase|encrypted/i.test(key.message);
  throw new LifeboatError('permission-denied', `the private key ${path} cannot be used: ${key.message}`, {
    hint: locked
      ? 'Give its passphrase as the secret ssh-passphrase, load it into an agent, or use a key of its own for backups.'
      : 'Supported are keys in the forms of OpenSSH and PEM; keys on a hardware token work through an agent.',
  });
}

/** The public halves of keys, as far as they are beside them; an agent may hold the private ones. */
async function publicKeys(paths: readonly string[]): Promise<readonly ParsedKey[]> {
  const keys: ParsedKey[] = [];
  for (const path of paths) {
    const text = await readFile(`${path}.pub`).catch(() => readFile(path).catch(() => ''));
    const key = ssh2.utils.parseKey(text);
    if (!(key instanceof Error)) keys.push(key);
  }
  return keys;
}

/** An agent of which only some keys are offered: a server hangs up after a few that it does not know. */
class FilteringAgent extends BaseAgent<ParsedKey> {
  readonly #agent: OpenSSHAgent;
  readonly #only: readonly ParsedKey[];

  constructor(socket: string, only: readonly ParsedKey[]) {
    super();
    this.#agent = new ssh2.OpenSSHAgent(socket);
    this.#only = only;
  }

  override getIdentities(done: IdentityCallback<ParsedKey>): void {
    this.#agent.getIdentities((error, keys) => {
      if (error) done(error);
      else done(undefined, keys?.filter((entry) => this.#only.some((one) => one.equals(publicOf(entry)))) ?? []);
    });
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    if (typeof options === 'function') this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, done);
  }
}

function publicOf(entry: ParsedKey | PublicKeyEntry): ParsedKey | Buffer | string {
  if (!('pubKey' in entry)) return entry;
  const { pubKey } = entry;
  return typeof pubKey === 'object' && 'pubKey' in pubKey ? pubKey.pubKey : pubKey;
}
