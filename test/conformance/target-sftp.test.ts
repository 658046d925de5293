/** The contract of targets over real SSH servers; a file of its own, for it waits more than it works. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { openSftpTarget } from '../../src/target/sftp/sftp.ts';
import { type Sshd, type SshdOptions, startSshd } from '../helpers/sshd.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { describeTarget, type TargetSuite } from './target.ts';

describe.skipIf(process.geteuid?.() !== 0)('over a real server (needs root)', () => {
  sftp('sftp', {});
  sftp(
    'sftp without extensions',
    { sftp: 'internal-sftp -P posix-rename,fsync,hardlink,statvfs,limits' },
    {
      atomicPut: 'the server cannot replace a file in one go',
      exclusivePut: 'the server makes no hard links',
    },
  );
});

function sftp(name: string, options: SshdOptions, skip: TargetSuite['skip'] = {}): void {
  describe(name, () => {
    let sshd: Sshd;
    let root: Awaited<ReturnType<typeof temporaryDirectory>>;
    beforeAll(async () => {
      root = await temporaryDirectory();
      sshd = await startSshd(options);
    }, 120_000);
    afterAll(async () => {
      await sshd[Symbol.asyncDispose]();
      await root[Symbol.asyncDispose]();
    });
    describeTarget(name, {
      open: (signal) =>
        openSftpTarget(
          `sftp://${sshd.user}@127.0.0.1:${sshd.port}${join(root.path, 'repository')}`,
          { create: true, ssh: { identityFile: sshd.privateKeyPath, knownHosts: sshd.knownHostsPath } },
          signal,
        ),
      skip,
    });
  });
}
