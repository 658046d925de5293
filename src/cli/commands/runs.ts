import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

export function runsCommand(): Command {
  return new Command('runs').addCommand(listCommand()).addCommand(showCommand()).addCommand(resumeCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('all runs, newest first')
    .addHelpText('after', helpFooter(['lifeboat runs list'], [0, 1]))
    .action(async (_options: unknown, command: Command) => {
      const { listRuns } = await import('../../workflow/store.ts');
      const { printResult, table } = await import('../output.ts');
      const { errorRecord } = await import('../../kernel/errors.ts');
      const globals = command.optsWithGlobals<Globals>();
      const runs = await listRuns(globals.stateDir);
      const document = runs.map((run) => ('status' in run ? run : { id: run.id, error: errorRecord(run.error) }));
      printResult(globals.json, document, () => {
        if (runs.length === 0) return 'No runs yet.';
        const rows = runs.map((run) =>
          'status' in run
            ? [run.id, run.workflow, run.status, run.startedAt, run.error?.message ?? '']
            : [run.id, '?', 'unreadable', '', run.error.message],
        );
        return table(['run', 'workflow', 'status', 'started', ''], rows);
      });
    });
}

function showCommand(): Command {
  return new Command('show')
    .description('one run: its steps, findings and error')
    .argument('<run>', 'id of the run')
    .addHelpText('after', helpFooter(['lifeboat runs show 20261120T020000Z-1a2b3c'], [0, 1, 2]))
    .action(async (id: string, _options: unknown, command: Command) => {
      const { runPaths, showRun } = await import('../../workflow/store.ts');
      const { printResult } = await import('../output.ts');
      const { runText } = await import('../run-text.ts');
      const globals = command.optsWithGlobals<Globals>();
      const report = await showRun(globals.stateDir, id);
      const { log } = runPaths(globals.stateDir, id);
      printResult(globals.json, { ...report, log }, () => runText(report, log, globals));
    });
}

function resumeCommand(): Command {
  return new Command('resume')
    .description('go on with a run that failed, was interrupted or was killed; finished steps are not repeated')
    .argument('<run>', 'id of the run')
    .option('--undo', 'instead of going on, undo what it did and close it', false)
    .addHelpText(
      'after',
      helpFooter(
        ['lifeboat runs resume 20261120T020000Z-1a2b3c', 'lifeboat runs resume 20261120T020000Z-1a2b3c --undo'],
        [0, 1, 2, 4, 6, 130],
      ),
    )
    .action(async (id: string, options: { undo: boolean }, command: Command) => {
      const { openSession } = await import('../session.ts');
      const { finish } = await import('../finish.ts');
      const { settingsIfConfigured, workflowFinder } = await import('../workflows.ts');
      const { resumeRun, undoRun } = await import('../../workflow/runs.ts');
      const { showRun } = await import('../../workflow/store.ts');
      const { LifeboatError } = await import('../../kernel/errors.ts');
      const { runText } = await import('../run-text.ts');
      const { presentations } = await import('../present.ts');
      const globals = command.optsWithGlobals<Globals>();
      if (globals.dryRun) {
        throw new LifeboatError('usage', 'a resume has no dry run', { hint: `See lifeboat runs show ${id}.` });
      }
      if (!options.undo && (await showRun(globals.stateDir, id)).workflow === 'recover') {
        throw new LifeboatError('usage', `the run ${id} is a recovery, which looks at the disks before it goes on`, {
          hint: 'Give the same "lifeboat recover" command again: it goes on where it was, if the disks are still as it left them.',
        });
      }
      await using session = openSession(globals, await settingsIfConfigured(globals));
      const find = workflowFinder(globals);
      const outcome = options.undo
        ? await undoRun(id, find, session.context)
        : await resumeRun(id, find, session.context, session.signal);
      const present = options.undo ? undefined : presentations[outcome.report.workflow];
      finish(
        globals,
        outcome,
        present ?? (({ report }) => ({ document: {}, text: () => runText(report, undefined, globals) })),
      );
    });
}
