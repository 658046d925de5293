/** Carrying a plan out: somebody agrees to what it destroys, it is done, and what came of it is compared with what it said. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { hostIdentity } from '../host/identity.ts';
import { explaining, LifeboatError } from '../kernel/errors.ts';
import { applyPlan, prepared } from '../layout/rebuild/apply.ts';
import { checkPlan } from '../layout/rebuild/check.ts';
import { type Plan, planDigest, planSubject } from '../layout/rebuild/document.ts';
import { openProgress, readProgress } from '../plan/progress.ts';
import type { Say } from '../workflow/step.ts';
import { agree, type Destruction } from './consent.ts';
import { type ApplyRequest, type State, step } from './define.ts';

export const agreeToPlan = step({
  id: 'agree',
  title: 'Agree to what the plan destroys',
  needs: ['layoutPlan', 'applyRequest'],
  gives: ['agreedPlan'],
  timeout: '24h',
  run: async ({ state: { layoutPlan, applyRequest }, ask, signal }) => {
    checkPlan(layoutPlan);
    await agree(planDestruction(layoutPlan), { yes: applyRequest.yes, ask }, signal);
    return { agreedPlan: planDigest(layoutPlan) };
  },
});

export const rebuildDisks = step({
  id: 'disks',
  title: 'Build the disks as the plan says, and compare',
  needs: ['layoutPlan', 'agreedPlan', 'applyRequest', 'stateDir'],
  gives: ['rebuilt'],
  destructive: true,
  timeout: '24h',
  run: async ({ state, host, say, signal }) => ({ rebuilt: await rebuild(state, host, say, signal) }),
});

/**
 * Carries out a plan that somebody agreed to; who does it again goes on with what was begun.
 *
 * @throws LifeboatError as {@link applyPlan}; `failed` where the disks are not as the plan said
 */
export async function rebuild(
  {
    layoutPlan,
    agreedPlan,
    applyRequest,
    stateDir,
  }: Pick<State, 'layoutPlan' | 'agreedPlan' | 'applyRequest' | 'stateDir'>,
  host: Host,
  say: Say,
  signal: AbortSignal,
): Promise<State['rebuilt']> {
  const { bootId = '' } = await hostIdentity(host, signal);
  const record = recordOf(stateDir, agreedPlan);
  await using progress = await openProgress(record, bootId);
  const total = layoutPlan.actions.length;
  let done = progress.ended.size;
  const changes = await applyPlan(
    layoutPlan,
    {
      host,
      progress,
      given: async (name) => await givenFile(name, applyRequest),
      marked: applyRequest.marked === true,
      say: ({ title }) => {
        say({ type: 'note', text: title });
        say({ type: 'progress', done: done++, total, unit: 'items' });
      },
    },
    signal,
  );
  if (changes.length > 0) {
    const texts = changes.map(({ text }) => text).join('; ');
    throw new LifeboatError('failed', `the disks are not as the plan said: ${texts}`, {
      // Of disks that somebody emptied since, the new plan may be this very one.
      hint: `Look at them with "lifeboat layout show". To begin anew, remove ${record} and make the plan again.`,
    });
  }
  return { actions: total, disks: layoutPlan.disks.map(({ id }) => id) };
}

/** What of a plan is done. */
const recordOf = (stateDir: string, digest: string): string => join(stateDir, 'plans', `${digest}.jsonl`);

/**
 * Writes nothing: refuses what carrying the plan out would refuse before its first write.
 *
 * @throws LifeboatError as {@link applyPlan} does
 */
export async function tryPlan(
  plan: Plan,
  request: ApplyRequest,
  stateDir: string,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  const record = await readProgress(recordOf(stateDir, planDigest(plan)));
  const never = async () => await Promise.reject(new LifeboatError('bug', 'nothing is done here'));
  const progress = { ...record, begin: never, end: never };
  await prepared(plan, { host, progress, given: async (name) => await givenFile(name, request) }, signal);
}

/** What a person agrees to: everything on every disk that is written to. */
export function planDestruction(plan: Plan): Destruction {
  const items = plan.disks.flatMap(({ id, device, destroys }) =>
    destroys.map(({ title }) => ({ name: `${device} (${id})`, state: title })),
  );
  // A disk on which nothing is loses nothing; that it is written to counts all the same.
  const blank = plan.disks.flatMap(({ id, device, destroys }) =>
    destroys.length > 0 ? [] : [{ name: `${device} (${id})`, state: 'blank' }],
  );
  return {
    deed: `build ${plan.disks.length === 1 ? 'a disk' : `${plan.disks.length} disks`} anew`,
    verb: 'overwritten',
    items: [...items, ...blank],
    identity: planSubject(plan),
  };
}

/** Headers and keys out of files: `luks-header:<UUID>`, `luks-key:<UUID>`, `luks-volume-key:<UUID>`; `crypt-key:<name>` and `integrity-key:<name>` of what has no UUID. */
async function givenFile(name: string, { headers, keys }: ApplyRequest): Promise<Uint8Array> {
  const [, what, uuid = ''] = /^(?:luks|crypt|integrity)-(header|key|volume-key):(.*)$/.exec(name) ?? [];
  const file = (what === 'header' ? headers : keys)[uuid];
  if (file !== undefined) return await explaining(`read ${file}`, async () => await readFile(file));
  throw new LifeboatError('not-found', `nobody gave the ${what} of the encrypted volume ${uuid}`, {
    hint:
      what === 'header'
        ? `Take it out of a point with "lifeboat points header POINT ${uuid} --to FILE", and give --header ${uuid}=FILE.`
        : `Give a file with a passphrase or key that opens it: --key ${uuid}=FILE.`,
  });
}
