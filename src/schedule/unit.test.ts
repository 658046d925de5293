import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { programArgv } from './self.ts';
import { capabilities, cronText, restoreCapabilities, UNIT_NAME, unitText } from './unit.ts';

const argv = programArgv({ config: '/etc/lifeboat/lifeboat.yaml', stateDir: '/var/lib/lifeboat' });

/** @returns why systemd-analyze cannot be asked about a file */
function noAnalyze(): string | undefined {
  const { error, stdout } = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
  if (error) return 'no systemd-analyze here';
  const version = Number(/systemd (\d+)/.exec(stdout)?.[1]);
  return version >= 250 ? undefined : `systemd ${version} does not analyze files`;
}

test('systemd finds nothing wrong with the unit, and its exposure is bounded', async ({ skip }) => {
  const reason = noAnalyze();
  if (reason !== undefined) skip(reason);
  await using directory = await temporaryDirectory();
  const path = join(directory.path, UNIT_NAME);
  for (const [restores, most] of [
    [false, 5.5],
    [true, 6.5],
  ] as const) {
    writeFileSync(path, unitText(argv, { restores }));
    checkUnit(path, most);
  }
});

function checkUnit(path: string, most: number): void {
  const verified = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
  expect(verified).toMatchObject({ status: 0, stdout: '', stderr: '' });
  const security = execFileSync('systemd-analyze', ['security', '--offline=true', path], { encoding: 'utf8' });
  const exposure = Number(/Overall exposure level .*: ([\d.]+)/.exec(security)?.[1]);
  // A service with no option at all has 9.6. What remains is what a backup needs: all files, all disks to read, root.
  expect(exposure).toBeLessThanOrEqual(most);
}

test('what makes files as they were is allowed where a drill of the files is scheduled, and nowhere else', () => {
  const [usual, restoring] = [unitText(argv), unitText(argv, { restores: true })];
  const bounding = (text: string) => /^CapabilityBoundingSet=(.*)$/m.exec(text)?.[1]?.split(' ') ?? [];
  expect(usual).toMatch(/^RestrictSUIDSGID=yes$/m);
  expect(restoring).not.toMatch(/^RestrictSUIDSGID=/m);
  expect(bounding(restoring)).toEqual([...bounding(usual), ...restoreCapabilities.map(([name]) => name)]);
  expect(restoring).toMatch(/^DeviceAllow=char-\* m$/m);
  expect(usual).not.toMatch(/^DeviceAllow=.* r?m$/m);
});

test('a machine on which Node needs a minute to start is not taken for one on which the scheduler hangs', () => {
  expect(unitText(argv)).toMatch(/^TimeoutStartSec=5min$/m);
});

test('words that mean something to systemd or cron arrive as they are', () => {
  const odd = ['/usr/bin/node', '/opt/life boat/100%/$HOME/"x"\\lifeboat.js', '--config', "/etc/it's.yaml"];
  const unit = unitText(odd);
  expect(unit).toContain(
    'ExecStart=/usr/bin/node "/opt/life boat/100%%/$$HOME/\\"x\\"\\\\lifeboat.js" --config "/etc/it\'s.yaml" schedule run\n',
  );
  const line = cronText(odd).split('\n').at(-2) ?? '';
  expect(line).toMatch(/^\*\/5 \* \* \* \* root '\/usr\/bin\/node' /);
  // As cron does: an escaped % is one, and the shell gets the rest.
  const command = line
    .replace(/^\S+ \S+ \S+ \S+ \S+ root /, '')
    .replaceAll('\\%', '%')
    .replace(' >/dev/null', '');
  const shown = execFileSync('/bin/sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' });
  expect(shown.trimEnd().split('\n')).toEqual([...odd, '--quiet', 'schedule', 'run', '--due']);
});

test('a mount namespace would show another host: none of the options that make one is in the unit', () => {
  const making =
    /^(ProtectSystem|ProtectHome|Private(Tmp|Devices|Mounts|Users)|ProtectKernel\w+|ProtectControlGroups|ProtectProc|ReadWritePaths|ReadOnlyPaths|InaccessiblePaths|BindPaths|RootDirectory|TemporaryFileSystem|ProcSubset|DynamicUser|NoExecPaths)=/m;
  expect(unitText(argv)).not.toMatch(making);
});

test('with the capabilities of the unit, captures see what root sees', async ({ skip }) => {
  if (process.getuid?.() !== 0) skip('needs root');
  const set = capabilities.map(([name]) => `+${name.slice(4).toLowerCase()}`).join(',');
  const confined = ['setpriv', `--bounding-set=-all,${set}`, '--inh-caps=-all', '--no-new-privs'];
  if (spawnSync(confined[0] ?? '', [...confined.slice(1), 'true']).status !== 0) skip('no setpriv that can do this');
  await using directory = await temporaryDirectory();
  mkdirSync(join(directory.path, 's'));
  const gaps = (kind: string, before: readonly string[]) => {
    const command = [
      ...before,
      ...argv.slice(0, 2),
      '--state-dir',
      join(directory.path, 's'),
      '--json',
      '--quiet',
      kind,
      'capture',
    ];
    const { stdout, stderr } = spawnSync(command[0] ?? '', command.slice(1), { encoding: 'utf8', maxBuffer: 1 << 28 });
    const document: { gaps?: { subject: string }[] } = JSON.parse(stdout || `{"error":${JSON.stringify(stderr)}}`);
    return document.gaps?.map(({ subject }) => subject).sort();
  };
  for (const kind of ['layout', 'network', 'facts']) {
    const whole = gaps(kind, []);
    expect(whole, kind).toBeDefined();
    expect(gaps(kind, confined), kind).toEqual(whole);
  }
});
