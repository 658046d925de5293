/** What CRIU says while it works. It waits for the answer, which decides whether it goes on or undoes all that it did. */
import { closeSync } from 'node:fs';
import type { Packet } from '../native/packet-child.ts';
import type { Response } from './response.ts';
import type { Values } from './wire.ts';

/** What comes with each. */
export interface NotificationData {
  /** Before images are written or read by a stream. */
  readonly 'pre-stream': object;
  readonly 'pre-dump': object;
  /** All is in the images and the tree is still frozen: refusing lets it run on, consenting ends it. */
  readonly 'post-dump': object;
  readonly 'pre-restore': object;
  /** The tree is restored and does not run yet: refusing removes it. */
  readonly 'post-restore': { readonly pid: number };
  readonly 'network-lock': object;
  readonly 'network-unlock': object;
  /** The first task of the tree is there, with its namespaces to be filled. */
  readonly 'setup-namespaces': { readonly pid: number };
  readonly 'post-setup-namespaces': object;
  readonly 'pre-resume': object;
  readonly 'post-resume': object;
  /** The master of a terminal that nobody in the tree has. The handler owns the descriptor; without one it is closed. */
  readonly 'orphan-pts-master': { readonly descriptor: number };
  /** The server of pages listens. */
  readonly 'status-ready': object;
  /** Answered with names as in `external`. */
  readonly 'query-ext-files': object;
}

export type NotificationName = keyof NotificationData;

/** `'refuse'`, or that CRIU goes on; with what it asked for. */
type Answer<Name extends NotificationName> =
  | 'refuse'
  | undefined
  | (Name extends 'query-ext-files' ? readonly string[] : never);

/** One that throws refuses, and its error is what the request ends with. */
export type Notifications = {
  readonly [Name in NotificationName]?: (data: NotificationData[Name], signal: AbortSignal) => Promise<Answer<Name>>;
};

export type Decision = { readonly goesOn: boolean; readonly options?: Values };

/** Asks whoever was to be asked; goes on where nobody was, also with a notification that a newer CRIU has. */
export async function decide(
  on: Notifications,
  { notify }: Response,
  { descriptors: [descriptor, ...others] }: Packet,
  signal: AbortSignal,
): Promise<Decision> {
  for (const fd of others) closeSync(fd);
  const { script = '', pid = 0 } = notify ?? {};
  if (script === 'orphan-pts-master' && descriptor !== undefined && on[script] !== undefined) {
    return { goesOn: (await on[script]({ descriptor }, signal)) !== 'refuse' };
  }
  if (descriptor !== undefined) closeSync(descriptor);
  if (script === 'query-ext-files') {
    const external = (await on[script]?.({}, signal)) ?? [];
    return external === 'refuse' ? { goesOn: false } : { goesOn: true, options: { imagesDirFd: -1, external } };
  }
  if (script === 'setup-namespaces' || script === 'post-restore') {
    return { goesOn: (await on[script]?.({ pid }, signal)) !== 'refuse' };
  }
  return { goesOn: !isPlain(script) || (await on[script]?.({}, signal)) !== 'refuse' };
}

const plain = [
  'pre-stream',
  'pre-dump',
  'post-dump',
  'pre-restore',
  'network-lock',
  'network-unlock',
  'post-setup-namespaces',
  'pre-resume',
  'post-resume',
  'status-ready',
] as const;

function isPlain(script: string): script is (typeof plain)[number] {
  return plain.some((name) => name === script);
}
