/**
 * `node test/lab/record-stack.ts [--release RELEASE …] STACK…`: makes each stack by the tools of each release and writes what a capture
 * asked of it to `test/fixtures/lab/<stack>.<release>.json`, for the tests that start no machine.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { recordingHost } from '../../src/host/recording.ts';
import { captureLayout } from '../../src/layout/capture.ts';
import { layoutTree } from '../../src/layout/tree.ts';
import { parseLayout } from '../../src/layout/types.ts';
import { releases } from './builder.ts';
import { startLab } from './lab.ts';
import { labOptions, makeStack, readStack } from './stack.ts';

const fixtures = join(import.meta.dirname, '../fixtures/lab');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { release: { type: 'string', multiple: true, default: [...releases] } },
});

const { signal } = new AbortController();
for (const release of releases.filter((one) => values.release.includes(one))) {
  for (const stack of positionals.map(readStack).filter(({ releases: able }) => able.includes(release))) {
    await using lab = await startLab(labOptions(stack, release), signal);
    await makeStack(stack, lab, signal);
    const { host, recording } = recordingHost(lab.host);
    const layout = parseLayout(await captureLayout(host, new Date(), signal));
    mkdirSync(fixtures, { recursive: true });
    writeFileSync(join(fixtures, `${stack.name}.${release}.json`), `${JSON.stringify(recording(), undefined, 2)}\n`);
    console.log(`${stack.name}, ${release}\n${layoutTree(layout)}`);
    for (const { subject, problem } of layout.gaps) console.log(`gap: ${subject}: ${problem}`);
  }
}
