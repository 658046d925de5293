import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

export function scheduleCommand(): Command {
  return new Command('schedule')
    .addCommand(listCommand())
    .addCommand(runCommand())
    .addCommand(installCommand())
    .addCommand(uninstallCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('the next runs of each job, and how the last one ended')
    .option('--count <n>', 'how many next runs of each', '3')
    .addHelpText('after', helpFooter(['lifeboat schedule list', 'lifeboat schedule list --count 10'], [0, 1, 2]))
    .action(async (options: { count: string }, command: Command) => {
      const { configured, openSession } = await import('../session.ts');
      const { hostNameOf } = await import('../requests.ts');
      const { listJobs } = await import('../../schedule/list.ts');
      const { printResult } = await import('../output.ts');
      const { countOf, jobsText } = await import('../schedule.ts');
      const globals = command.optsWithGlobals<Globals>();
      const count = countOf(options.count);
      const { config } = await configured(globals);
      await using session = openSession(globals);
      const hostName = await hostNameOf(config, session.host, session.signal);
      const now = Date.now();
      const jobs = await listJobs(config, { hostName, stateDir: session.context.stateDir, count, now });
      printResult(globals.json, { format: 'lifeboat.schedules/1', host: hostName, jobs }, () => jobsText(jobs, now));
    });
}

function runCommand(): Command {
  return new Command('run')
    .description('run what comes due, in the foreground, until it is stopped')
    .option('--due', 'run what is due now, look for silence, and end: for hosts without a service manager', false)
    .addHelpText('after', helpFooter(['lifeboat schedule run', 'lifeboat schedule run --due'], [0, 1, 2, 6]))
    .action(async (options: { due: boolean }, command: Command) => {
      const { runDueCommand, runForever } = await import('../schedule.ts');
      const globals = command.optsWithGlobals<Globals>();
      await (options.due ? runDueCommand(globals) : runForever(globals));
    });
}

function installCommand(): Command {
  return new Command('install')
    .description('install the scheduler as a systemd service, or a line of cron where there is no systemd')
    .option('--cron', 'a line in /etc/cron.d, also where there is systemd', false)
    .option('--root <dir>', 'install below this directory, and start nothing')
    .addHelpText('after', helpFooter(['lifeboat schedule install', 'lifeboat --dry-run schedule install'], [0, 1, 2]))
    .action(async (options: { cron: boolean; root?: string }, command: Command) => {
      const { install } = await import('../schedule-install.ts');
      await install(command.optsWithGlobals<Globals>(), options);
    });
}

function uninstallCommand(): Command {
  return new Command('uninstall')
    .description('stop the service and remove what was installed; points and runs stay')
    .option('--root <dir>', 'remove below this directory, and stop nothing')
    .addHelpText('after', helpFooter(['lifeboat schedule uninstall'], [0, 1, 2]))
    .action(async (options: { root?: string }, command: Command) => {
      const { uninstall } = await import('../schedule-install.ts');
      await uninstall(command.optsWithGlobals<Globals>(), options);
    });
}
