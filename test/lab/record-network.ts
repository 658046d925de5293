/**
 * `node test/lab/record-network.ts [RELEASE …]`: what `ip`, `bridge`, `wg` and `teamdctl` of each release answer a capture of the network of
 * `networks/all.sh`, to `test/fixtures/ip/lab.<release>.json`, for the tests that start no machine.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { recordingHost } from '../../src/host/recording.ts';
import { captureNetwork } from '../../src/network/capture.ts';
import { releases } from './builder.ts';
import { networkLab } from './network-lab.ts';

const kept = ['ip', 'bridge', 'wg', 'teamdctl'];
const { signal } = new AbortController();
const wanted = process.argv.slice(2);
for (const release of releases.filter((one) => wanted.length === 0 || wanted.includes(one))) {
  await using lab = await networkLab(release, signal);
  const { host, recording } = recordingHost(lab.host);
  const { gaps } = await captureNetwork(host, new Date(), signal);
  const commands = recording().commands.filter(({ argv: [program] }) => kept.includes(program));
  const file = join(import.meta.dirname, `../fixtures/ip/lab.${release}.json`);
  writeFileSync(file, `${JSON.stringify({ distro: release, commands, files: {} }, undefined, 2)}\n`);
  console.log(release, ...gaps.map(({ subject, problem }) => `gap: ${subject}: ${problem}`));
}
