/**
 * What goes onto a rescue medium of this host besides its captures: the configuration, without anything that opens something, unless that was
 * asked for; and then what that means is said.
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import type { Host } from '../host/host.ts';
import { readPrivateFile } from '../host/private-file.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { readIfThere } from '../kernel/read-if-there.ts';
import type { Secret } from '../kernel/secret.ts';
import type { HostFile } from '../media/host-layer.ts';
import { askHidden } from './ask-secret.ts';
import { readHostKey } from '../keys/host-key.ts';
import { signatureOf, signConfiguration } from '../recover/signed.ts';
import { hostNameOf } from './requests.ts';
import type { Session } from './session.ts';

/** As typed; each is off by default. */
export interface EmbeddingOptions {
  readonly keepHostKeys: boolean;
  readonly embedCredentials: boolean;
  readonly rootPassword: boolean;
}

interface Embedding extends Omit<EmbeddingOptions, 'rootPassword'> {
  /** Of the rescue system's root. */
  readonly rootPassword?: Secret;
}

const place = '/etc/lifeboat';

export interface RescueFiles {
  readonly files: readonly HostFile[];
  /** What of them opens something, and for whom. */
  readonly secrets: readonly string[];
}

/** Whether the host signed the configuration that is among them. */
export const isSigned = ({ files }: RescueFiles): boolean =>
  files.some(({ path }) => path === signatureOf(`${place}/lifeboat.yaml`));

/**
 * Asks for the password where none was given as a secret of the name `root-password`.
 *
 * @throws LifeboatError as {@link rescueFiles}; `usage` where nobody gave the password
 */
export async function filesOfHost(options: EmbeddingOptions, session: Session): Promise<RescueFiles> {
  const { globals, host, signal, context } = session;
  const { rootPassword: isAsked, ...rest } = options;
  if (!isAsked) return await rescueFiles(globals.config, rest, host, signal);
  const given = context.secrets.get('root-password');
  const rootPassword = given ?? (await typedTwice(globals.json, signal));
  return await rescueFiles(globals.config, { ...rest, rootPassword }, host, signal);
}

async function typedTwice(json: boolean, signal: AbortSignal): Promise<Secret> {
  const hint = 'Type it at a terminal, or give LIFEBOAT_ROOT_PASSWORD.';
  if (json || !process.stdin.isTTY) throw new LifeboatError('usage', 'nobody gave the password of root', { hint });
  const typed = await askHidden("Password of the rescue system's root (it is not shown): ", signal);
  const again = await askHidden('The same again: ', signal);
  if (typed.reveal() === again.reveal() && typed.reveal() !== '') return typed;
  throw new LifeboatError('usage', 'the two are not the same, or empty', { hint });
}

/**
 * @param config the file, which need not be there
 * @throws LifeboatError `config-invalid` for one that is wrong or holds a secret; `untrusted`; `tool-missing` without openssl
 */
export async function rescueFiles(
  config: string,
  embedding: Embedding,
  host: Host,
  signal: AbortSignal,
): Promise<RescueFiles> {
  const { keepHostKeys, embedCredentials, rootPassword } = embedding;
  const parts: RescueFiles[] = [];
  if (existsSync(config)) {
    const read = await loadConfig(config);
    const named = { ...read, host: await hostNameOf(read, host, signal) };
    const part = embedCredentials ? await withCredentials(named, config) : await bare(named);
    parts.push({ ...part, files: [...part.files, ...signatures(read.key, part.files)] });
  }
  if (rootPassword !== undefined) parts.push(await withPassword(rootPassword, host, signal));
  if (keepHostKeys) parts.push({ files: [], secrets: [said.keepHostKeys] });
  return { files: parts.flatMap(({ files }) => files), secrets: parts.flatMap(({ secrets }) => secrets) };
}

/** Each ends with what somebody can do who gets hold of the medium. */
const said = {
  keepHostKeys: "the keys of this host's ssh server: who holds the medium can pass for this host",
  embedCredentials:
    'what this host opens its backups with: who holds the medium can read all of them, and write and remove there what this host can',
  rootPassword:
    'a password of root: who guesses it, with the medium in hand or over the network, is root in the rescue system',
};

/** Without what names keys that are not there: what opens backups is typed. Nobody is told of what the rescue system does. */
async function bare(config: Config): Promise<RescueFiles> {
  const { key: _key, notify: _notify, schedule: _schedule, ssh, ...rest } = config;
  const { identityFile: _identity, configFile: _file, knownHosts } = ssh ?? {};
  const known = await knownHostsFile(knownHosts);
  const own = known === undefined ? rest : { ...rest, ssh: { knownHosts: known.path } };
  return { files: [configFile(own), ...(known === undefined ? [] : [known])], secrets: [] };
}

async function withCredentials(config: Config, file: string): Promise<RescueFiles> {
  const { notify: _notify, schedule: _schedule, ssh, key, ...rest } = config;
  const known = await knownHostsFile(ssh?.knownHosts);
  const files: HostFile[] = known === undefined ? [] : [known];
  const keep = (from: string, path: string): string => {
    const content = readPrivateFile(from);
    if (content === undefined) {
      throw new LifeboatError('not-found', `${from}, which the configuration names, is not there`, {
        hint: 'Put it there, or make the medium without --embed-credentials.',
      });
    }
    files.push({ path, content, mode: 0o600 });
    return path;
  };
  const secrets = join(dirname(file), 'secrets');
  for (const name of existsSync(secrets) ? (await readdir(secrets)).sort() : []) {
    // Whoever has it needs nothing else, also when the keys are others.
    if (name !== 'recovery-code') keep(join(secrets, name), `${place}/secrets/${name}`);
  }
  const own = {
    ...rest,
    ...(key === undefined ? {} : { key: keep(key, `${place}/key`) }),
    ssh: {
      ...(known === undefined ? {} : { knownHosts: known.path }),
      ...(ssh?.identityFile === undefined ? {} : { identityFile: keep(ssh.identityFile, `${place}/ssh-identity`) }),
    },
  };
  return { files: [configFile(own), ...files], secrets: [said.embedCredentials] };
}

/** How servers are known is no secret, and without it none is trusted. */
async function knownHostsFile(path = '/root/.ssh/known_hosts'): Promise<HostFile | undefined> {
  const content = await readIfThere(path);
  return content === undefined ? undefined : { path: `${place}/known_hosts`, content };
}

/** So that an unattended recovery can tell that the host itself wrote what it may do. Without a key there is nobody who could. */
function signatures(key: string | undefined, files: readonly HostFile[]): HostFile[] {
  const config = files.find(({ path }) => path === `${place}/lifeboat.yaml`);
  if (key === undefined || config === undefined || !existsSync(key)) return [];
  const content = signConfiguration(Buffer.from(config.content), readHostKey(key), new Date());
  return [{ path: signatureOf(config.path), content }];
}

/** JSON is YAML. */
const configFile = (config: object): HostFile => ({
  path: `${place}/lifeboat.yaml`,
  content: `${JSON.stringify(config, null, 2)}\n`,
  mode: 0o600,
});

async function withPassword(password: Secret, host: Host, signal: AbortSignal): Promise<RescueFiles> {
  const stdin = Buffer.from(`${password.reveal()}\n`);
  const { stdout } = await host.run(['openssl', 'passwd', '-6', '-stdin'], { stdin }, signal);
  const shadow = `root:${stdout.toString().trim()}:20000:0:99999:7:::\n`;
  const config = 'PermitRootLogin yes\nPasswordAuthentication yes\n';
  return {
    files: [
      { path: '/etc/shadow', content: shadow, mode: 0o600 },
      { path: '/etc/ssh/sshd_config.d/password.conf', content: config },
    ],
    secrets: [said.rootPassword],
  };
}
