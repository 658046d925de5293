/** The end of a recovery: its result on record, its logs kept, and the disks let go of. */
import type { Host } from '../host/host.ts';
import { placeIn } from '../host/place-in.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import type { Keyring } from '../keys/keyring.ts';
import { keyringOf, keyringOfHostKey, keyringOfRecoveryCode } from '../keys/ring.ts';
import { markStartable, unmark } from '../layout/rebuild/mark.ts';
import { planDigest } from '../layout/rebuild/document.ts';
import { putRecovered } from '../point/attestations.ts';
import { keepBack } from '../point/kept.ts';
import { LOG_FORMAT, putLog } from '../point/logs.ts';
import type { Recovered } from '../point/point.ts';
import { mountNewRoot, unmountNewRoot } from '../recover/new-root.ts';
import { markRecovered } from '../recover/once.ts';
import { ownDisksNow } from '../recover/own-disks.ts';
import { does } from '../recover/request.ts';
import { copyLogs, readLogs } from '../rescue/logs.ts';
import type { CleanupContext } from '../workflow/step.ts';
import { type State, step } from './define.ts';
import { keysAtHand } from './keys.ts';
import { attestationOf } from './recover-attest.ts';
import { openConfigured } from './repository.ts';

type Ending = Pick<
  State,
  | 'config'
  | 'stateDir'
  | 'version'
  | 'hostName'
  | 'recoverRequest'
  | 'begun'
  | 'point'
  | 'layoutPlan'
  | 'newRoot'
  | 'proof'
  | 'phases'
>;

export const endRecovery = step({
  id: 'result',
  title: 'Put the result on record, keep the logs, and let go of the disks',
  needs: [
    'config',
    'stateDir',
    'version',
    'hostName',
    'recoverRequest',
    'begun',
    'point',
    'layoutPlan',
    'newRoot',
    'finished',
    'proof',
    'phases',
  ],
  gives: ['recovered'],
  destructive: true,
  timeout: '2h',
  run: async ({ state, runId, host, say, secrets, signal }) => {
    const { recoverRequest: request, newRoot, layoutPlan, proof, point } = state;
    const { root } = newRoot;
    if (proof === null && !does(request, 'end')) {
      // What comes next is done by hand: no medium may take these disks for half done.
      await markStartable(await ownDisksNow(layoutPlan, newRoot.layout, host, signal), host, signal);
      return { recovered: { attested: 'none', next: nextOf(state) } };
    }
    await mountNewRoot(layoutPlan.layout, root, host, signal);
    const at = new Date().toISOString();
    const attestation = attestationOf(state, at, runId);
    const attested = proof === null ? 'none' : await attest(state, attestation, { say, secrets, signal });
    if (proof?.result === 'failed' || !does(request, 'end')) {
      // Nothing finishes it by itself again: somebody may mend it, or start it all the same.
      await markStartable(await ownDisksNow(layoutPlan, newRoot.layout, host, signal), host, signal, 'none');
      // Whoever does has them; those of the rescue system are in memory.
      await keepLogs(state, host, { say, secrets, signal });
      return { recovered: { attested, next: nextOf(state) } };
    }
    await markRecovered(root, {
      point: point.id,
      host: point.host.name,
      at,
      result: proof?.result ?? 'unproven',
      plan: planDigest(layoutPlan),
      unattended: request.unattended !== undefined,
      ...present({ medium: request.medium }),
    });
    await keepLogs(state, host, { say, secrets, signal });
    await unmountNewRoot(root, host, signal);
    await takeMarks(state, host, signal);
    await host.run(['sync'], { timeoutMs: 600_000 }, signal);
    return { recovered: { attested, next: nextOf(state) } };
  },
});

/** From here on the disks are somebody's again, and say that this is not done twice by itself, whoever did it. */
async function takeMarks(
  { layoutPlan, newRoot, recoverRequest, point }: Ending,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  const said = { point: point.id, ...present({ medium: recoverRequest.medium }) };
  await unmark(await ownDisksNow(layoutPlan, newRoot.layout, host, signal), host, signal, said);
}

/** What a person does now. */
function nextOf({ recoverRequest: request, newRoot: { root }, proof }: Ending): string {
  if (proof?.result === 'failed')
    return `It is mounted at ${root}: mend what is listed, then "lifeboat recover --from finalize", or recover another point.`;
  if (does(request, 'end')) return 'Take the medium out, and start the machine.';
  if (!does(request, 'mount')) return 'The disks are built. To go on: lifeboat recover --from mount';
  return `It is mounted at ${root}. To finish: lifeboat recover --from finalize; to let go of it: umount --recursive ${root}`;
}

type Surroundings = Pick<CleanupContext, 'say' | 'secrets' | 'signal'>;

/** Where the repository cannot be written to, it waits on the new disk for the first backup. */
async function attest(
  { config, hostName, newRoot }: Ending,
  attestation: Recovered,
  { say, secrets, signal }: Surroundings,
): Promise<'repository' | 'kept'> {
  let keys: Keyring | undefined;
  try {
    await using repository = await openConfigured(config, { say, secrets }, signal);
    keys = repository.keys;
    await putRecovered(repository, hostName, attestation, signal);
    return 'repository';
  } catch (error) {
    throwIfAborted(signal);
    const { message } = asLifeboatError(error);
    say({ type: 'note', text: `the result is kept on the new disk until the first backup, as ${message}` });
  }
  const { root } = newRoot;
  await keepBack('/var/lib/lifeboat', { keys: keys ?? (await ringAtHand()) }, hostName, attestation, root);
  return 'kept';

  /** Without what the repository keeps of them. */
  async function ringAtHand(): Promise<Keyring> {
    // The host's own key has come back with its files: what is sealed to the code alone the host could not read.
    const key = config.key === undefined ? {} : { key: await placeIn(newRoot.root, config.key) };
    const { hostKey, code } = keysAtHand(key, { say, secrets });
    const rings = [
      ...(hostKey === undefined ? [] : [keyringOfHostKey(hostKey)]),
      ...(code === undefined ? [] : [keyringOfRecoveryCode(code)]),
    ];
    const [first, second] = rings;
    if (first === undefined) throw new LifeboatError('no-key', 'there is no key here to sign the result with');
    return second === undefined ? first : keyringOf(first, second);
  }
}

/** What was done can be read on the machine, and in the repository; that it cannot is no reason to fail. */
async function keepLogs(
  { config, stateDir, hostName, newRoot }: Ending,
  host: Host,
  { say, secrets, signal }: Surroundings,
): Promise<void> {
  const now = new Date();
  const trying = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      throwIfAborted(signal);
      say({ type: 'note', text: `${what}: ${asLifeboatError(error).message}` });
    }
  };
  await trying('the logs are not in the recovered system', async () => {
    await copyLogs(await placeIn(newRoot.root, '/var/log/lifeboat'), stateDir, host, now, signal);
  });
  await trying('the logs are not in the repository', async () => {
    await using repository = await openConfigured(config, { say, secrets, hurried: true }, signal);
    const files = [...(await readLogs(stateDir, host, signal))];
    await putLog(repository, hostName, { format: LOG_FORMAT, at: now.toISOString(), files }, signal);
  });
}
