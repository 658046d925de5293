/** Secrets at the edge: out of the environment, systemd credentials, private files, and what a person types. */
import { lstatSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fromSystemError, hasErrno, isSystemError, LifeboatError } from '../kernel/errors.ts';
import { Secret, type SecretSource } from '../kernel/secret.ts';
import { printable } from '../kernel/text.ts';
import type { Globals } from './globals.ts';

const PREFIX = 'LIFEBOAT_';
/** Of the environment, what is no secret. */
const settings = ['LIFEBOAT_CONFIG'];

/** Of this process, by name: taken out of the environment, or typed. */
const held = new Map<string, Secret>();

/**
 * Takes `LIFEBOAT_<NAME>` out of the environment, so that no child inherits it. To be called before anything is started.
 */
export function takeSecretsFromEnvironment(env: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || settings.includes(name)) continue;
    delete env[name];
    if (value) held.set(name, new Secret(value));
  }
}

/** What a person typed; it counts before everything else. */
export function holdSecret(name: string, secret: Secret): void {
  held.set(variableOf(name), secret);
}

/**
 * In this order: typed or from the environment (`LIFEBOAT_<NAME>`), a systemd credential (`lifeboat.<name>`), the file
 * `secrets/<name>` beside the configuration.
 */
export function secretsOf({ config }: Pick<Globals, 'config'>): SecretSource {
  const directory = join(dirname(resolve(config)), 'secrets');
  return {
    get: (name) => held.get(variableOf(name)) ?? credential(name) ?? privateFile(join(directory, name)),
  };
}

/** `recovery-code` → `LIFEBOAT_RECOVERY_CODE` */
function variableOf(name: string): string {
  return `${PREFIX}${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

/** systemd gives this directory to the service alone. */
function credential(name: string): Secret | undefined {
  const directory = process.env['CREDENTIALS_DIRECTORY'];
  return directory ? readSecret(join(directory, `lifeboat.${name}`)) : undefined;
}

/** @throws LifeboatError `untrusted` when others can read it, or may have written it */
function privateFile(path: string): Secret | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  const ours = stats.uid === 0 || stats.uid === process.geteuid?.();
  if (!stats.isFile() || !ours || (stats.mode & 0o077) !== 0) {
    throw new LifeboatError(
      'untrusted',
      `${printable(path)} is not used: a secret must be a file that its owner alone can read`,
      {
        hint: `chown root ${printable(path)}; chmod 600 ${printable(path)}. If somebody may have read it, change the secret.`,
      },
    );
  }
  return readSecret(path);
}

function readSecret(path: string): Secret | undefined {
  try {
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return text === '' ? undefined : new Secret(text);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw isSystemError(error) ? fromSystemError(error, `read a secret: ${error.message}`) : error;
  }
}
