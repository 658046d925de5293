/** Installing the scheduler as a service of this machine, and removing it again. */
import { existsSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { checkTrusted } from '../host/trusted.ts';
import { makeDirectory, writeFileAtomic } from '../kernel/atomic-write.ts';
import { explaining, hasErrno, LifeboatError } from '../kernel/errors.ts';
import { programArgv } from '../schedule/self.ts';
import { CRON_PATH, cronText, UNIT_NAME, UNIT_PATH, unitText } from '../schedule/unit.ts';
import type { Globals } from './globals.ts';
import { printResult } from './output.ts';
import { openSession } from './session.ts';

/**
 * @param options `root`: write below this directory and start nothing, for an image that is not running
 * @throws LifeboatError `config-invalid` when the configuration is wrong or schedules nothing; `untrusted` when others could
 *   change what root would run at every boot
 */
export async function install(globals: Globals, { cron, root = '/' }: { cron: boolean; root?: string }): Promise<void> {
  const config = await loadConfig(resolve(globals.config));
  if (Object.keys(config.schedule ?? {}).length === 0) {
    throw new LifeboatError('config-invalid', 'the configuration schedules nothing', {
      hint: 'Write a schedule, as docs/schedules.md shows: schedule: { backup: { cron: "30 2 * * *" } }',
    });
  }
  const argv = programArgv(globals);
  const [node, program = ''] = argv;
  await checkTrusted(node);
  await checkTrusted(program);
  const live = resolve(root) === '/';
  const systemd = !cron && (!live || existsSync('/run/systemd/system'));
  const path = join(resolve(root), systemd ? UNIT_PATH : CRON_PATH);
  const other = join(resolve(root), systemd ? CRON_PATH : UNIT_PATH);
  const restores = config.schedule?.drill?.files === true;
  const text = systemd ? unitText(argv, { restores }) : cronText(argv);
  if (globals.dryRun) {
    printResult(globals.json, { path, text }, () => text);
    return;
  }
  if (existsSync(other)) {
    throw new LifeboatError('exists', `the scheduler is installed already, as ${other}`, {
      hint: 'Remove that first: lifeboat schedule uninstall',
    });
  }
  await using session = openSession(globals);
  await explaining(`write ${path}`, () => makeDirectory(dirname(path)));
  await writeFileAtomic(path, text, 0o644);
  const started = live && systemd;
  if (started) {
    await systemctl(session, 'daemon-reload');
    await systemctl(session, 'enable', UNIT_NAME);
    await systemctl(session, 'restart', UNIT_NAME);
  }
  printResult(globals.json, { path, started }, () =>
    started
      ? `Installed ${path} and started it. See: systemctl status ${UNIT_NAME}`
      : `Wrote ${path}.${live ? ' cron takes it up within a minute.' : ' Nothing was started.'}`,
  );
}

/** Points, runs and configuration stay. */
export async function uninstall(globals: Globals, { root = '/' }: { root?: string }): Promise<void> {
  const live = resolve(root) === '/';
  const found = [UNIT_PATH, CRON_PATH].map((path) => join(resolve(root), path)).filter((path) => existsSync(path));
  const unit = join(resolve(root), UNIT_PATH);
  if (globals.dryRun) {
    printResult(globals.json, { remove: found }, () => `Would remove: ${found.join(', ') || 'nothing'}`);
    return;
  }
  await using session = openSession(globals);
  const systemd = live && existsSync('/run/systemd/system') && found.includes(unit);
  if (systemd) await systemctl(session, 'disable', '--now', UNIT_NAME);
  for (const path of found) {
    await explaining(`remove ${path}`, async () => {
      await unlink(path).catch((error: unknown) => {
        if (!hasErrno(error, 'ENOENT')) throw error;
      });
    });
  }
  if (systemd) await systemctl(session, 'daemon-reload');
  printResult(globals.json, { removed: found }, () =>
    found.length === 0 ? 'The scheduler is not installed.' : `Removed ${found.join(', ')}.`,
  );
}

type Session = ReturnType<typeof openSession>;

async function systemctl({ host, signal }: Session, ...args: string[]): Promise<void> {
  // A stop waits for runs to clean up.
  await host.run(['systemctl', ...args], { timeoutMs: 20 * 60_000 }, signal);
}
