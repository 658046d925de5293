/** Secrets at the edge: out of the environment, systemd credentials, private files, and what a person types. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { readPrivateFile } from '../host/private-file.ts';
import { fromSystemError, hasErrno, isSystemError } from '../kernel/errors.ts';
import { Secret, type SecretSource } from '../kernel/secret.ts';
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

/** In memory, for root alone: what a rescue system was handed by who started it. */
const handed = '/run/lifeboat/secrets';

/**
 * In this order: typed or from the environment (`LIFEBOAT_<NAME>`), a systemd credential (`lifeboat.<name>`), the file
 * `secrets/<name>` beside the configuration, what this system was handed when it was started.
 */
export function secretsOf({ config }: Pick<Globals, 'config'>): SecretSource {
  const directory = join(dirname(resolve(config)), 'secrets');
  return {
    get: (name) =>
      held.get(variableOf(name)) ??
      credential(name) ??
      privateFile(join(directory, name)) ??
      privateFile(join(handed, name)),
  };
}

/** `recovery-code` → `LIFEBOAT_RECOVERY_CODE` */
function variableOf(name: string): string {
  return `${PREFIX}${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

/** systemd gives this directory to the service alone. */
function credential(name: string): Secret | undefined {
  const directory = process.env['CREDENTIALS_DIRECTORY'];
  return directory ? secretIn(readCredential(join(directory, `lifeboat.${name}`))) : undefined;
}

/** @throws LifeboatError `untrusted` when others can read it */
function privateFile(path: string): Secret | undefined {
  return secretIn(readPrivateFile(path));
}

function readCredential(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw isSystemError(error) ? fromSystemError(error, `read a credential: ${error.message}`) : error;
  }
}

function secretIn(bytes: Buffer | undefined): Secret | undefined {
  const text = bytes?.toString('utf8').replace(/\r?\n$/, '');
  return text ? new Secret(text) : undefined;
}
