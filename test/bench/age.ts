import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identityFrom, identityText } from '../../src/age/age.ts';
import { findAge } from '../helpers/age.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import type { Pairing } from './paired.ts';

const MIB = 1024 * 1024;

/** Our age on 512 MiB in a file, start of Node included, against Debian's program on the same. */
export async function age(verb: 'encrypt' | 'decrypt'): Promise<Pairing> {
  const directory = await temporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  const program = join(await findAge(), 'age');
  const identity = identityFrom(randomBytes(32));
  const { text } = identity.recipient;
  writeFileSync(at('key'), `${identityText(identity)}\n`);
  writeFileSync(at('plain'), Buffer.concat(Array.from({ length: 512 }, () => randomBytes(MIB))));
  execFileSync(program, ['-r', text, '-o', at('sealed'), at('plain')]);
  const child = [process.execPath, join(import.meta.dirname, 'age-child.ts'), verb, at('key')] as const;
  const encrypting = verb === 'encrypt';
  return {
    ours: [...child, at(encrypting ? 'plain' : 'sealed')],
    peer: encrypting
      ? [program, '-r', text, '-o', '/dev/null', at('plain')]
      : [program, '-d', '-i', at('key'), '-o', '/dev/null', at('sealed')],
    rounds: 5,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}
