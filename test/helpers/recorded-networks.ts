/** Networks that the lab recorded: one of each kind of link on a real kernel, as the tools of each release tell of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asker } from '../../src/host/asker.ts';
import { recordedHost } from '../../src/host/recorded.ts';
import { withBridgeVlans } from '../../src/network/bridge-vlans.ts';
import { withDaemons } from '../../src/network/daemons.ts';
import { captureLinks } from '../../src/network/links.ts';
import { captureNeighbours } from '../../src/network/neighbours.ts';
import { captureRoutes } from '../../src/network/routes.ts';
import { captureRules } from '../../src/network/rules.ts';
import { type Network, parseNetwork } from '../../src/network/types.ts';

const { signal } = new AbortController();

/** What was recorded on a release, `debian12`. */
export const networkRecording = (release: string): string =>
  readFileSync(join(import.meta.dirname, `../fixtures/ip/lab.${release}.json`), 'utf8');

export async function recordedNetwork(release: string): Promise<Network> {
  const questions = asker(recordedHost(JSON.parse(networkRecording(release))), signal);
  const found = {
    format: 'lifeboat.network/1',
    capturedAt: '2026-11-21T12:00:00Z',
    hostname: 'builder',
    links: await withDaemons(questions, await withBridgeVlans(questions, await captureLinks(questions))),
    routes: await captureRoutes(questions),
    rules: await captureRules(questions),
    neighbours: await captureNeighbours(questions),
    dns: { servers: [], search: [] },
    gaps: questions.gaps,
  };
  return parseNetwork(JSON.parse(JSON.stringify(found)));
}
