/** Recovery from a server, over the network of the rescue system; and what becomes of it where the server goes in the middle. */
import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { sleep } from '../../../src/kernel/wait.ts';
import { isRoot } from '../../helpers/cli.ts';
import { ofToday } from '../../helpers/suite.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { type Ended, mediumOf, recoverBy, settledRescue, startRecovery } from '../recovery.ts';
import { type SftpService, serveSftp } from '../sftp-service.ts';
import { type Protected, protectedSource, servedBy } from '../source/protect.ts';
import { blankFor, comesBack } from '../whole-recovery.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as a medium holds what only root can read`);
const { signal } = new AbortController();
/** Longer than anything takes on a machine that is busy with ten other things. */
const limitMs = 3_600_000;

interface Scene {
  readonly name: string;
  readonly firmware: 'bios' | 'uefi';
  /** What happens while files come back. @default nothing */
  readonly meanwhile?: (server: SftpService) => Promise<void>;
  /** Whether it has to fail first, and be done by the same command when the server is there again. */
  readonly fails?: boolean;
}

const scenes: readonly Scene[] = [
  { name: 'by SFTP', firmware: 'bios' },
  { name: 'by SFTP, onto a machine with UEFI', firmware: 'uefi' },
  {
    name: 'the network is lost for a minute',
    firmware: 'bios',
    async meanwhile(server) {
      await server.stop();
      await sleep(60_000, signal);
      await server.start();
    },
  },
  { name: 'the server is gone for good', firmware: 'bios', meanwhile: (server) => server.stop(), fails: true },
];

test.skipIf(!isRoot).each(ofToday(scenes, new Date()))(
  '$name',
  { timeout: 7_200_000 },
  async ({ firmware, meanwhile, fails = false }) => {
    const kept = await protectedSource({ layout: 'small', firmware: 'bios', to: 'sftp' }, signal);
    await using work = await temporaryDirectory();
    const directory = join(work.path, 'served');
    await cp(kept.served ?? '', directory, { recursive: true });
    await using server = await serveSftp(directory);
    const source = servedBy(kept, server);
    const { file: medium } = await mediumOf(source, { embedCredentials: true }, signal);
    const options = { disks: blankFor(source), cards: [server.card], firmware, medium };
    await using machine = await startRecovery(source, options, signal);
    {
      await using host = await machine.rescue(signal);
      await settledRescue(host, signal);
      const ending = recoverBy(host, source, [], signal);
      if (meanwhile !== undefined) {
        await restoring(host, ending);
        await meanwhile(server);
      }
      if (fails) {
        const failed = await ending;
        expect(failed.code, failed.stdout + failed.stderr).toBe(1);
        expect(failed.stdout).toMatch(/"hint":/);
        await server.start();
      }
      expectRecovered(fails ? await recoverBy(host, source, [], signal) : await ending, source);
      await host.run(['reboot'], { okCodes: [0, 1] }, signal).catch(() => undefined);
    }
    // It could be written to: what was proven is there, and not kept back on the new disk.
    const attestations = (await readdir(directory, { recursive: true })).filter((path) => /attestations\//.test(path));
    expect(attestations.length).toBeGreaterThan(before(await readdir(kept.served ?? '', { recursive: true })));
    const moved = { facts: ['boot', 'esp'], files: [/^file \/boot\/grub\//] };
    await comesBack(source, machine, firmware === 'bios' ? undefined : moved, signal);
  },
);

const before = (paths: readonly string[]): number => paths.filter((path) => /attestations\//.test(path)).length;

function expectRecovered({ code, stdout, stderr }: Ended, { point }: Protected): void {
  expect(code, stdout + stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ point, result: 'passed' });
}

/** Waits until files come back, and some have: they are made beside their places, where they are moved when all are there. */
/** Waits until files come back. @throws Error where the recovery has ended before */
async function restoring(host: Host, ending: Promise<Ended>): Promise<void> {
  const begun = `until grep -qs '"type":"begin","step":"restore.files"' /var/lib/lifeboat/runs/*/journal*; do sleep 0.1; done; sleep 5`;
  const early = ending.then(({ stdout, stderr }) => {
    throw new Error(`the recovery ended before it was disturbed: ${stdout}${stderr}`);
  });
  await Promise.race([host.run(['sh', '-c', begun], { timeoutMs: limitMs }, signal), early]);
}
