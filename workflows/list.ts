/** The workflows that come with lifeboat. */
import type { Workflow } from '../src/steps/index.ts';
import { apply } from './apply.ts';
import { backup } from './backup.ts';
import { checkpoint } from './checkpoint.ts';
import { forget } from './forget.ts';
import { network } from './network.ts';
import { prune } from './prune.ts';
import { recover } from './recover.ts';
import { repair } from './repair.ts';
import { restore } from './restore.ts';
import { verify } from './verify.ts';

export const workflows: readonly Workflow[] = [
  backup,
  restore,
  verify,
  forget,
  prune,
  repair,
  apply,
  network,
  recover,
  checkpoint,
];
