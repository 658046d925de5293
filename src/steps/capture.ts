/**
 * Steps that read how the host is made. They change nothing, and what cannot be seen is a named gap. What they read it with is
 * loaded when they run: it is a third of all that there is, and most commands do without.
 */
import { present } from '../kernel/present.ts';
import { taking } from '../point/containers.ts';
import { followedPaths } from '../point/include.ts';
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

export const readContainers = step({
  id: 'containers',
  title: 'Read containers and their images',
  needs: [],
  gives: ['containers'],
  timeout: '5m',
  run: async ({ host, say, signal }) => {
    const { captureForPoint } = await import('../point/capture-containers.ts');
    const { containers, gaps } = await captureForPoint(host, new Date(), signal);
    tellGaps(say, gaps);
    return { containers };
  },
});

export const judgeCoverage = step({
  id: 'coverage',
  title: 'Work out what this backup covers',
  needs: ['config', 'ownPaths', 'layout', 'facts', 'containers'],
  gives: ['coverage'],
  timeout: '5m',
  run: async ({ host, state: { config, ownPaths, layout, facts, containers }, signal }) => {
    const { coverageWith } = await import('../point/host-coverage.ts');
    const { include, ...taken } = taking(config.backup, layout, containers);
    const followed = await followedPaths(host, include, signal);
    const selection = { ...config.backup, ...taken, include: followed, own: ownPaths };
    return { coverage: await coverageWith(layout, selection, { facts, containers }, host, signal) };
  },
});
