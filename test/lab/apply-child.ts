/**
 * Carries a plan out in a machine, in a process of its own, so that it can be killed: what `layout apply` does once somebody has agreed. Prints what
 * is not as the plan said.
 *
 * argv: the socket of the machine's agent, a file with the plan, the record of what is done, a directory with what commands are given
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostIdentity } from '../../src/host/identity.ts';
import { applyPlan } from '../../src/layout/rebuild/apply.ts';
import { parsePlan } from '../../src/layout/rebuild/document.ts';
import { connectAgent } from '../../src/machine/agent.ts';
import { openProgress } from '../../src/plan/progress.ts';

const [socket = '', plan = '', record = '', gifts = ''] = process.argv.slice(2);
const interrupt = new AbortController();
process.once('SIGINT', () => interrupt.abort());
const { signal } = interrupt;

await using host = await connectAgent(socket, { name: 'machine' }, signal);
const { bootId = '' } = await hostIdentity(host, signal);
await using progress = await openProgress(record, bootId);
const changes = await applyPlan(
  parsePlan(JSON.parse(await readFile(plan, 'utf8'))),
  {
    host,
    progress,
    given: async (name) => await readFile(join(gifts, encodeURIComponent(name))),
    say: () => {},
  },
  signal,
);
for (const { text } of changes) console.log(text);
