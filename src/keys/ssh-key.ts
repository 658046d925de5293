/** A key to log in by ssh with, in the forms of OpenSSH. Source: RFC 4253, 6.6; RFC 8709; PROTOCOL.key of OpenSSH. */
import { Secret } from '../kernel/secret.ts';
import { publicKeyOf } from './ed25519.ts';

export interface SshKey {
  /** As in `authorized_keys`, without a comment. */
  readonly publicLine: string;
  /** As a file that `ssh -i` takes, without a passphrase. */
  readonly privateText: Secret;
}

const type = 'ssh-ed25519';

/** @param seed 32 bytes; the same key for the same seed, to the byte */
export function sshKey(seed: Uint8Array): SshKey {
  const raw = publicKeyOf(seed);
  const blob = Buffer.concat([string(type), string(raw)]);
  return { publicLine: `${type} ${blob.toString('base64')}`, privateText: new Secret(privateText(seed, raw, blob)) };
}

function privateText(seed: Uint8Array, raw: Uint8Array, blob: Uint8Array): string {
  // By two equal numbers a reader sees that it was decrypted rightly, and nothing here is encrypted.
  const check = number(0);
  const fields = [check, check, string(type), string(raw), string(Buffer.concat([seed, raw])), string('')];
  const content = Buffer.concat(fields);
  const blockBytes = 8;
  const padding = Uint8Array.from(
    { length: (blockBytes - (content.length % blockBytes)) % blockBytes },
    (_, i) => i + 1,
  );
  const all = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    string('none'),
    string('none'),
    string(''),
    number(1),
    string(blob),
    string(Buffer.concat([content, padding])),
  ]);
  const lines = all.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
}

/** With its length before it. */
function string(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([number(bytes.length), bytes]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
