/** What the rescue system of a drill opens the repository with: that of this host, in the memory of that machine. */
import type { Config } from '../config/schema.ts';
import { readPrivateFile } from '../host/private-file.ts';
import { present } from '../kernel/present.ts';
import type { Secret, SecretSource } from '../kernel/secret.ts';
import { readHostKey } from '../keys/host-key.ts';
import type { Layout } from '../layout/types.ts';
import { channelUrl } from '../drill/channel.ts';
import { guestKey, type Provisions } from '../drill/recovery.ts';
import { signConfiguration } from '../recover/signed.ts';
import { RECOVERY_CODE } from '../steps/keys.ts';

/** @throws LifeboatError as reading the key does */
export function provisionsOf(
  { engine, encryption, key }: Config,
  hostName: string,
  layout: Layout,
  source: SecretSource,
): Provisions {
  const file = key === undefined ? undefined : readPrivateFile(key);
  // Its disks are blank, and nobody else's: this policy suffices, and is valid nowhere but there.
  const config = {
    repository: channelUrl,
    engine,
    host: hostName,
    encryption,
    ...(file === undefined ? {} : { key: guestKey }),
    backup: { include: ['/'] },
    recover: { consent: 'blank-disks' },
  };
  const text = `${JSON.stringify(config, null, 2)}\n`;
  const signature =
    key === undefined || file === undefined
      ? undefined
      : signConfiguration(Buffer.from(text), readHostKey(key), new Date());
  // The code opens more than this host's key does, and goes only where there is no key.
  const names = [...passphrases(layout), ...(file === undefined ? [RECOVERY_CODE] : [])];
  const secrets = new Map(
    names.flatMap((name): (readonly [string, Secret])[] => {
      const secret = source.get(name);
      return secret === undefined ? [] : [[name, secret]];
    }),
  );
  return { config: text, secrets, ...present({ signature, key: file }) };
}

/** Of volumes that nobody opens by a file of the host's own. */
const passphrases = ({ components }: Layout): string[] =>
  components.flatMap((one) =>
    one.kind === 'luks' && one.uuid !== undefined ? [`luks-${one.uuid.toLowerCase()}`] : [],
  );
