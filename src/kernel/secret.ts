/**
 * A value that must never be printed, and the redaction of text that may hold one.
 *
 * A `Secret` cannot enter a workflow's state: the type of the state refuses it, and its JSON is a placeholder.
 */
import { inspect } from 'node:util';

export const REDACTED = '[redacted]';

const known = new Set<string>();

/** Holds a secret; only {@link Secret.reveal} gives it, and every other way of printing it gives a placeholder. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    // A very short value would blank out ordinary text wherever it stands.
    if (value.length >= 4) known.add(value);
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

/**
 * Where secrets come from: files that only root can read, environment variables, systemd credentials, a person at the
 * screen. A step asks when it needs one, and keeps none.
 */
export interface SecretSource {
  /** @returns `undefined` when nobody gave one of this name, such as `recovery-code` */
  get(name: string): Secret | undefined;
}

export const noSecrets: SecretSource = { get: () => undefined };

const urlCredentials = /([a-z][a-z0-9+.-]{0,40}:\/\/[^\s/:@]*):([^\s/]+)@/gi;
const secretKey = /(pass(word|phrase)?|secret|token|credential|private.?key|recovery.?code)$/i;

/** `text` without the secrets that this process has seen and without passwords in URLs. */
export function redactText(text: string): string {
  let result = text.replace(urlCredentials, `$1:${REDACTED}@`);
  for (const value of known) {
    if (result.includes(value)) result = result.replaceAll(value, REDACTED);
  }
  return result;
}

/**
 * The name of a mount option whose value is a secret, by how it ends: `password2`, `openssl_passwd`, `secret`. What names a
 * file (`credentials`, `keyfile`, `secretfile`, `passwd_file`) or a user ends otherwise.
 */
const optionName = String.raw`[\w.-]{0,40}?(?:pass(?:w(?:or)?d|phrase)?|pwd|psk|secret|token|(?:secret|access|account|api|private|auth)[-_]?key)\d*`;
/** In a value of cifs a comma is doubled; libmount takes quotes. */
const optionValue = String.raw`(?:"[^"]*"|'[^']*'|(?:[^,"']|,,)(?:[^,]|,,)*)`;
const secretOption = new RegExp(String.raw`((?:^|[,:;?&\s])${optionName}=)${optionValue}`, 'gi');
/** `username=user%password`, and `user=name:password` of FUSE. */
const userOption = new RegExp(String.raw`((?:^|,)(?:proxy[-_]?)?user(?:name)?=[^,%:]*[%:])${optionValue}`, 'gi');

/**
 * Options of a mount without passwords: each option keeps its name (`password=[redacted]`). Of two that differ only in a
 * password nobody sees that they do.
 */
export function redactOptions(options: string): string {
  return redactText(options).replace(secretOption, `$1${REDACTED}`).replace(userOption, `$1${REDACTED}`);
}

/** `//user:pw@nas/share`, `curlftpfs#user:pw@host/`, `user%pw@host`: up to the last `@` before a slash. */
const sourceCredentials = /^((?:\/\/|\\\\|[\w.-]+#)?[^\s/\\:@%#=[\]]*[:%])[^\s/\\][^\s/]*@(?=[^@]*$|[^@/]*\/)/;
const sourceUser = /^([^\s/\\:@%#=[\]]+%)[^\s/\\@]+$/;
const sourceTail = /^([^\s/\\:@%#=]+@[^\s/\\:@%#=]+:)(?!\d{1,5}$)[^\s/\\]+$/;
/** Of these, what follows `user@host:` or `pool@` is a path or a name. */
const namesPath = /ssh|nfs|zfs|ceph|gluster|lustre/i;

/**
 * The source of a mount without a password: `//user:[redacted]@nas/share`. Of two that differ only in it nobody sees that
 * they do.
 *
 * @param fstype as mounted or as fstab has it: `user@host:name` is a path for `fuse.sshfs`, and a password elsewhere
 */
export function redactSource(source: string, fstype: string): string {
  const text = redactText(source).replace(secretOption, `$1${REDACTED}`);
  const shown = text.replace(sourceCredentials, `$1${REDACTED}@`).replace(sourceUser, `$1${REDACTED}`);
  return namesPath.test(fstype) ? shown : shown.replace(sourceTail, `$1${REDACTED}`);
}

/** A copy of plain data in which secrets by value, and strings under a key that names one, are replaced. */
export function redact(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (value instanceof Secret) return REDACTED;
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      secretKey.test(key) && typeof item === 'string' ? REDACTED : redact(item),
    ]),
  );
}
