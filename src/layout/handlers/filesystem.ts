/** A filesystem of a type that has no kind of its own: it is listed with its size, and what is in it is backed up. */
import { z } from 'zod';
import { filesystemKind } from '../filesystem.ts';

export const filesystem = filesystemKind({ kind: 'filesystem', claims: [], geometry: z.object({}) });
