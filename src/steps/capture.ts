/**
 * Steps that read how the host is made. They change nothing, and what cannot be seen is a named gap. What they read it with is
 * loaded when they run: it is a third of all that there is, and most commands do without.
 */
import { present } from '../kernel/present.ts';
import { followedPaths, includedPaths } from '../point/include.ts';
import { locateWorkloads } from '../point/workloads.ts';
import type { Say } from '../workflow/step.ts';
import { step } from './define.ts';

/** Gaps do not make a backup incomplete, as the data is there; they are in the point, and told. */
function tellGaps(say: Say, gaps: readonly { subject: string; problem: string }[]): void {
  for (const { subject, problem } of gaps) say({ type: 'note', text: `not seen: ${subject}: ${problem}` });
}

export const readLayout = step({
  id: 'layout',
  title: 'Read disks, filesystems and mounts',
  needs: [],
  gives: ['layout'],
  timeout: '5m',
  run: async ({ host, say, signal }) => {
    const { captureLayout } = await import('../layout/capture.ts');
    const layout = await captureLayout(host, new Date(), signal);
    tellGaps(say, layout.gaps);
    return { layout };
  },
});

export const readNetwork = step({
  id: 'network',
  title: 'Read links, addresses and routes',
  needs: [],
  gives: ['network'],
  timeout: '5m',
  run: async ({ host, say, signal }) => {
    const { captureNetwork } = await import('../network/capture.ts');
    const network = await captureNetwork(host, new Date(), signal);
    tellGaps(say, network.gaps);
    return { network };
  },
});

export const readFacts = step({
  id: 'facts',
  title: 'Read facts of the system',
  needs: ['stateDir'],
  gives: ['facts'],
  timeout: '5m',
  run: async ({ host, state: { stateDir }, say, signal }) => {
    const { captureFacts } = await import('../facts/capture.ts');
    const { rescueKey } = await import('../facts/rescue-key.ts');
    const facts = await captureFacts(host, new Date(), signal);
    tellGaps(say, facts.gaps);
    return { facts: { ...facts, ...present({ rescueKey: await rescueKey(stateDir, host, signal) }) } };
  },
});

export const judgeCoverage = step({
  id: 'coverage',
  title: 'Work out what this backup covers',
  needs: ['config', 'ownPaths', 'layout', 'facts'],
  gives: ['coverage'],
  timeout: '5m',
  run: async ({ host, state: { config, ownPaths, layout, facts }, signal }) => {
    const { coverage } = await import('../point/coverage.ts');
    const workloads = await locateWorkloads(facts, host, signal);
    const include = await followedPaths(host, includedPaths(config.backup, layout), signal);
    return { coverage: coverage(layout, { ...config.backup, include, own: ownPaths }, workloads) };
  },
});
