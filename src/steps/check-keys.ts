/** The step that finds out before anything is stored whether somebody will be able to read it. */
import { LifeboatError } from '../kernel/errors.ts';
import type { HostKey } from '../keys/host-key.ts';
import { opensKeyRecord } from '../keys/key-record.ts';
import { keyringOfHostKey } from '../keys/ring.ts';
import type { Target } from '../target/target.ts';
import { step } from './define.ts';
import { checkKeyRecords } from './key-records.ts';
import { keyRecordsOf, keysAtHand } from './keys.ts';
import { openConfigured } from './repository.ts';

export const checkKeys = step({
  id: 'keys',
  title: 'Check that the keys are those of this host, and that the recovery code was proven',
  needs: ['config', 'stateDir', 'hostName'],
  gives: [],
  timeout: '1m',
  run: async ({ state: { config, stateDir, hostName }, say, secrets, signal }) => {
    const { hostKey } = keysAtHand(config, { say, secrets });
    if (hostKey === undefined) return {};
    if (hostKey.host !== hostName) {
      throw new LifeboatError(
        'config-invalid',
        `the key ${config.key} is of the host ${hostKey.host}, not ${hostName}`,
        {
          hint: `If the host was renamed, write "host: ${hostKey.host}" into the configuration, or make a key for the new name: lifeboat key rotate --host-key.`,
        },
      );
    }
    await using repository = await openConfigured(config, { say, secrets }, signal);
    const { target, id } = repository;
    for (const problem of await checkKeyRecords(hostKey, { target, id, stateDir, host: hostName }, signal))
      say({ type: 'finding', subject: 'key record', problem });
    await checkKnown(hostKey, target, signal);
    if (hostKey.proven === undefined) {
      say({
        type: 'finding',
        subject: 'recovery code',
        problem: 'nobody has proven yet that it was noted and opens this repository: run lifeboat key check',
      });
    }
    return {};
  },
});

/**
 * Whether the repository knows this key: with another, what is stored would not be opened by the recovery code of this
 * repository. A host that only stores cannot tell.
 */
export async function checkKnown(hostKey: HostKey, target: Target, signal: AbortSignal): Promise<void> {
  const { identities } = keyringOfHostKey(hostKey);
  const records = await keyRecordsOf(target, hostKey.host, signal);
  if (identities.length === 0 || records.length === 0) return;
  if (records.some((bytes) => opensKeyRecord(bytes, identities))) return;
  throw new LifeboatError('no-key', `${target.url} knows ${hostKey.host} under other keys than the one here`, {
    hint: 'Put back the key file that belongs to this repository, or make one under its recovery code: lifeboat key rotate --host-key.',
  });
}
