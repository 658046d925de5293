/** Every kind of target, by the scheme of its URL: a new kind is one line in {@link targets}. */
import { isAbsolute, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LifeboatError } from '../kernel/errors.ts';
import { nearest } from '../kernel/nearest.ts';
import { redactText } from '../kernel/secret.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import { openFileTarget } from './file/file.ts';
import { memoryTarget } from './memory/memory.ts';
import type { OpenOptions, Target } from './target.ts';

type Scheme = 'channel' | 'file' | 'memory' | 'sftp';

interface TargetKind {
  /** For lists and errors: what it is, and how its URL looks. */
  readonly summary: string;
  readonly example: string;
  /** @param url as it was written, for `new URL` makes a relative path absolute without a word */
  open(url: string, options: OpenOptions, signal: AbortSignal): Promise<Target>;
}

export const targets: { readonly [Name in Scheme]: TargetKind } = {
  file: {
    summary: 'a directory on this host',
    example: 'file:///mnt/backup',
    open: (url, options, signal) => openFileTarget(filePath(url), options, signal),
  },
  memory: {
    summary: 'the memory of this process, for tests',
    example: 'memory:name',
    open: async (url) => memoryTarget(url.slice('memory:'.length)),
  },
  sftp: {
    summary: 'a directory on another host, over ssh',
    example: 'sftp://user@host/backup',
    // Loaded when one is opened: its ssh is a good part of the time in which a command starts.
    open: async (...given) => (await import('./sftp/sftp.ts')).openSftpTarget(...given),
  },
  channel: {
    summary: 'what another process gives, at a socket of this machine, as in a drill',
    example: 'channel:/run/lifeboat/repository.sock',
    open: async (url, _options, signal) => (await import('./channel/channel.ts')).openChannelTarget(url, signal),
  },
};

/**
 * Opens a target by its URL; an absolute path is short for its `file:` URL.
 *
 * @throws LifeboatError `config-invalid` for a URL of no known kind, `not-found`, `permission-denied`, …
 */
export async function openTarget(url: string, options: OpenOptions, signal: AbortSignal): Promise<Target> {
  throwIfAborted(signal);
  if (isAbsolute(url)) return openFileTarget(normalized(url), options, signal);
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined && isScheme(scheme)) return targets[scheme].open(url, options, signal);
  throw unknownTarget(url, scheme);
}

/**
 * The directory of a target that is one on this host, `undefined` for every other.
 *
 * @throws LifeboatError `config-invalid`
 */
export function localDirectory(url: string): string | undefined {
  if (isAbsolute(url)) return normalized(url);
  return /^file:/i.test(url) ? filePath(url) : undefined;
}

function isScheme(name: string): name is Scheme {
  return Object.hasOwn(targets, name);
}

function unknownTarget(url: string, scheme: string | undefined): LifeboatError {
  const shown = JSON.stringify(redactText(url));
  const examples = `Known are ${Object.values(targets)
    .map(({ example, summary }) => `${example} (${summary})`)
    .join(', ')}.`;
  if (scheme === undefined) {
    return new LifeboatError('config-invalid', `not a URL or absolute path of a repository: ${shown}`, {
      hint: examples,
    });
  }
  const meant = nearest(scheme, Object.keys(targets));
  return new LifeboatError('config-invalid', `no kind of target is called ${scheme}: ${shown}`, {
    hint: meant === undefined ? examples : `Did you mean ${meant}:? ${examples}`,
  });
}

function filePath(url: string): string {
  const refuse = (why: string) =>
    new LifeboatError('config-invalid', `${why}: ${JSON.stringify(redactText(url))}`, {
      hint: `Write the absolute path after file://, with three slashes in all: ${targets.file.example}`,
    });
  const rest = url.slice('file:'.length);
  if (!rest.startsWith('//')) throw refuse('a file URL needs an absolute path after file://');
  if (!rest.startsWith('///')) throw refuse('a file URL names no host, and this one does');
  const parsed = URL.parse(url);
  if (parsed === null) throw refuse('not a URL');
  if (parsed.search !== '' || parsed.hash !== '') throw refuse('in a file URL, ? and # are written as %3F and %23');
  if (/%2f|%00|%(?![0-9a-f]{2})/i.test(rest)) throw refuse('this file URL holds an escape that no path can have');
  try {
    return normalized(fileURLToPath(parsed));
  } catch (error) {
    throw error instanceof URIError ? refuse('the escapes of this file URL are not UTF-8') : error;
  }
}

/** Without `..`, doubled and trailing slashes, so that one place has one URL. */
function normalized(path: string): string {
  return normalize(path).replace(/(?<=.)\/+$/, '');
}
