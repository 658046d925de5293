/** `layout plan` and `layout apply` by command in a system that runs, in which udev puts together what it sees: killed, interrupted, restarted. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Host, RunResult } from '../../../src/host/host.ts';
import { ownCases } from '../../helpers/suite.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { addProgram, program } from '../program.ts';
import { otherDisks } from '../rebuild.ts';
import { rememberedStack } from '../rebuilt.ts';
import { readStack, type Scene } from '../stack.ts';
import { rebooted, startSystem } from '../system.ts';
import { whyNoNamespaces } from '../system/namespaces.ts';

const { signal } = new AbortController();
const why = await whyNoNamespaces(signal);
if (why !== undefined) console.log(`${import.meta.filename}: left out, as ${why}`);
else if (ownCases === undefined) console.log(`${import.meta.filename}: left out, as it takes ten minutes`);
/** Longer than anything takes on a machine that is busy with ten other things. */
const limitMs = 1_200_000;
const scene: Scene = { release: 'debian12', stack: readStack('raid1-lvm-luks') };
const uuid = '0b0f1a4e-0601-4000-8000-000000000002';

const documentSchema = z.object({ digest: z.string(), actions: z.array(z.object({ id: z.string() })) });

/** Makes a plan of what is there, and tells its digest and how many actions it has. */
async function planned(host: Host): Promise<{ readonly digest: string; readonly count: number }> {
  const words = ['layout', 'plan', '--layout', '/root/wanted.json', '--output', '/root/plan.json'] as const;
  const { stdout } = await host.run([...program, '--json', ...words], { timeoutMs: limitMs }, signal);
  const { digest, actions } = documentSchema.parse(JSON.parse(stdout.toString()));
  return { digest, count: actions.length };
}

const record = (digest: string): string => `/var/lib/lifeboat/plans/${digest}.jsonl`;

/**
 * Carries it out; sends a signal to it once so many actions have begun.
 *
 * @returns its exit status, and what it said
 */
async function applied(
  host: Host,
  digest: string,
  until?: { readonly begun: number; readonly signal: string },
): Promise<RunResult> {
  const watch = `
    record=$1; begun=$2; name=$3; shift 3
    "$@" & pid=$!
    if [ "$begun" != 0 ]; then
      until [ "$(grep -c begin "$record" 2> /dev/null)" -ge "$begun" ] || ! kill -0 $pid 2> /dev/null; do sleep 0.05; done
      kill -s "$name" $pid 2> /dev/null || true
    fi
    wait $pid`;
  const words = [
    'layout',
    'apply',
    '/root/plan.json',
    '--header',
    `${uuid}=/root/header`,
    '--key',
    `${uuid}=/root/key`,
  ];
  const { begun, signal: name } = until ?? { begun: 0, signal: 'TERM' };
  const argv = [...program, `--yes=${digest}`, ...words];
  const okCodes = [...Array(256).keys()];
  return await host.run(
    ['bash', '-c', watch, 'bash', record(digest), String(begun), name, ...argv],
    { okCodes, timeoutMs: limitMs },
    signal,
  );
}

test.runIf(why === undefined && ownCases !== undefined)(
  'by command, with everything that interrupts it',
  { timeout: 7_200_000 },
  async () => {
    const { layout, given } = await rememberedStack(scene, signal);
    await using place = await temporaryDirectory();
    await using lab = await startSystem({ disks: otherDisks(scene) }, signal);
    const { host } = lab;
    await addProgram(lab.machine, host, place.path, signal);
    await host.write('/root/wanted.json', Buffer.from(JSON.stringify(layout)), {}, signal);
    await host.write('/root/header', await given(`luks-header:${uuid}`), {}, signal);
    await host.write('/root/key', await given(`luks-key:${uuid}`), {}, signal);
    const { digest, count } = await planned(host);
    for (const part of [0.2, 0.5, 0.8]) {
      const { code, stderr } = await applied(host, digest, { begun: Math.ceil(count * part), signal: 'KILL' });
      expect(code, stderr).toBe(137);
    }
    const interrupted = await applied(host, digest, { begun: Math.ceil(count * 0.9), signal: 'INT' });
    expect(interrupted).toMatchObject({ code: 130 });
    // As much as a power cut: what was made so far is put together by udev, which knows nothing of the plan.
    await using next = await rebooted({ machine: lab.machine, host }, signal);
    const stale = await applied(next, digest);
    expect(stale).toMatchObject({ code: 5, stderr: expect.stringContaining('restarted since this plan was begun') });
    const second = await planned(next);
    expect(second.digest).not.toBe(digest);
    const { code, stdout, stderr } = await applied(next, second.digest);
    expect(code, stderr).toBe(0);
    expect(stdout.toString()).toContain('captured again, it is the same');
    const { stdout: shown } = await next.run(['lsblk', '-no', 'FSTYPE,LABEL'], {}, signal);
    for (const one of ['LVM2_member', 'ext4 *root', 'xfs *data', 'btrfs *home', 'swap *swap']) {
      expect(shown.toString()).toMatch(new RegExp(one));
    }
  },
);
