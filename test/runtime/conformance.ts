/** What every runtime owes, whichever it is: against the real one, in a root of its own. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asker } from '../../src/host/asker.ts';
import type { Argv, Host } from '../../src/host/host.ts';
import { captureContainers, type Containers } from '../../src/runtime/capture.ts';
import { type Container, parseContainer, type RuntimeName } from '../../src/runtime/model/container.ts';
import { runtimes } from '../../src/runtime/runtimes.ts';

export interface Verbs {
  /** Starts a container `name` that sleeps, allowed half a processor, 64 MiB and 50 processes. */
  readonly start: (name: string) => readonly Argv[];
  readonly remove: (name: string) => readonly Argv[];
  /** It sets no limits and knows no names. */
  readonly bare?: boolean;
  /** Its program. @default its name */
  readonly tool?: string;
}

export const signal = new AbortController().signal;

export async function run(host: Host, commands: readonly Argv[]): Promise<void> {
  for (const argv of commands) await host.run(argv, {}, signal);
}

export function describeRuntime(
  runtime: RuntimeName,
  { start, remove, bare = false, tool = runtime }: Verbs,
  host: () => Host,
): void {
  describe(`conformance: ${runtime}`, () => {
    const capture = (): Promise<Containers> => captureContainers(host(), new Date(), signal, [runtime]);
    const name = `${runtime}-one`;
    let one: Container | undefined;
    beforeAll(async () => {
      expect(await capture()).toEqual({ containers: [], gaps: [] });
      await run(host(), start(name));
      const { containers, gaps } = await capture();
      expect(gaps).toEqual([]);
      one = containers.find((container) => bare || container.name === name);
    });
    afterAll(() => run(host(), remove(name)));

    test('what runs is listed as running, since when, and with its first process', () => {
      expect(one).toMatchObject({ runtime, state: 'running' });
      expect(one?.pid).toBeGreaterThan(1);
      expect(Math.abs(Date.now() - Date.parse(one?.startedAt ?? ''))).toBeLessThan(120_000);
      expect(one?.process?.args?.join(' ')).toContain('sleep 1000');
    });

    test('it is a document of the model', () => {
      expect(parseContainer(JSON.parse(JSON.stringify(one)))).toEqual(one);
    });

    test('its namespaces are its own where they are', () => {
      expect(one?.namespaces).toContainEqual({ type: 'pid', from: 'own' });
      expect(one?.namespaces).toContainEqual({ type: 'user', from: 'host' });
    });

    test.skipIf(bare)(
      `its limits are those that it was given, and those that the kernel has${bare ? ' (nobody gave it any)' : ''}`,
      () => {
        const wanted = {
          version: 1,
          cpu: { quotaUs: 50_000, periodUs: 100_000 },
          memory: { limitBytes: 67_108_864 },
          pids: 50,
        };
        expect(one?.definedLimits).toMatchObject(wanted);
        expect(one?.limits).toMatchObject(wanted);
      },
    );

    test('what has ended between list and inspect is no error', async () => {
      const questions = asker(host(), signal);
      const gone = { id: '999999', name: 'gone', state: 'running', pid: 999_999 } as const;
      await expect(runtimes[runtime].inspect(questions, [gone])).resolves.toBeInstanceOf(Array);
    });

    test('without its tool there is a gap and no error', async () => {
      const { name: hostName, ...verbs } = host();
      const without: Host = {
        ...verbs,
        name: hostName,
        run: (argv, options, signal) => host().run(argv[0] === tool ? ['/no/such/program'] : argv, options, signal),
      };
      const { containers, gaps } = await captureContainers(without, new Date(), signal, [runtime]);
      if (bare) expect(containers).toHaveLength(1);
      else expect({ containers, gaps: gaps.length > 0 }).toEqual({ containers: [], gaps: true });
    });
  });
}
