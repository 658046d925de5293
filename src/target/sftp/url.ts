/** `sftp://user@host:port/absolute/path`, `sftp://host/~/below/home`. */
import { posix } from 'node:path';
import type { SshDestination } from '../../host/ssh-config.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { present } from '../../kernel/present.ts';
import { redactText } from '../../kernel/secret.ts';

export interface Place {
  readonly destination: SshDestination;
  /** Absolute, or relative to the home of the account. */
  readonly path: string;
  /** In one form, whichever way it was written. */
  readonly url: string;
}

/** @throws LifeboatError `config-invalid` */
export function parseSftpUrl(text: string): Place {
  const refuse = (why: string, hint: string) =>
    new LifeboatError('config-invalid', `${why}: ${JSON.stringify(redactText(text))}`, { hint });
  const form =
    'Write sftp://user@host:port/absolute/path, or sftp://host/~/path for one below the home of the account.';
  const parsed = URL.parse(text);
  if (parsed === null || parsed.hostname === '' || !/^sftp:\/\//i.test(text)) throw refuse('not an SFTP URL', form);
  if (parsed.password !== '') {
    throw refuse('a password in a URL is no secret', 'Log in with a key: see docs/targets.md.');
  }
  if (parsed.search !== '' || parsed.hash !== '')
    throw refuse('in an SFTP URL, ? and # are written as %3F and %23', form);
  if (/%2f/i.test(parsed.pathname)) throw refuse('an escaped slash is no part of a name', form);
  // The parser takes %2e for a dot, so the text itself is looked at.
  if (/\/(?:\.|%2e){1,2}(\/|$)/i.test(text)) throw refuse('this URL has . or .. in its path', form);
  if (parsed.pathname === '') throw refuse('this URL has no path', form);
  const decoded = decode(parsed.pathname);
  const user = decode(parsed.username);
  if (decoded === undefined || user === undefined || /[\0\n]/.test(decoded)) {
    throw refuse('the escapes of this URL are not those of a path', form);
  }
  const path = posix.normalize(`/${decoded}`).replace(/(?<=.)\/+$/, '');
  const home = path === '/~' || path.startsWith('/~/');
  if (path.startsWith('/~') && !home) throw refuse('the home of another account has to be written out', form);
  const port = parsed.port === '' ? undefined : Number(parsed.port);
  const login = parsed.username === '' ? '' : `${parsed.username}@`;
  return {
    destination: {
      host: parsed.hostname.replace(/^\[|\]$/g, ''),
      ...present({ port, user: user === '' ? undefined : user }),
    },
    path: home ? path.slice(3) || '.' : path,
    url: `sftp://${login}${parsed.host}${path.split('/').map(encodeURIComponent).join('/')}`,
  };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
