import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

export function workflowCommand(): Command {
  return new Command('workflow').addCommand(listCommand()).addCommand(showCommand()).addCommand(runCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('all workflows')
    .addHelpText('after', helpFooter(['lifeboat workflow list'], [0, 1, 2]))
    .action(async (_options: unknown, command: Command) => {
      const { allWorkflows } = await import('../workflows.ts');
      const { printResult, table } = await import('../output.ts');
      const globals = command.optsWithGlobals<Globals>();
      const found = await allWorkflows(globals);
      const document = found.map(({ workflow, file }) => ({ name: workflow.name, title: workflow.title, file }));
      const rows = found.map(({ workflow, file }) => [workflow.name, workflow.title, file ?? 'built in']);
      printResult(globals.json, document, () => table(['workflow', 'what it does', 'where'], rows));
    });
}

function showCommand(): Command {
  return new Command('show')
    .description('stages and steps of a workflow, with your drop-ins and what your configuration skips')
    .argument('<workflow>', 'its name')
    .addHelpText('after', helpFooter(['lifeboat workflow show backup'], [0, 1, 2]))
    .action(async (name: string, _options: unknown, command: Command) => {
      const { findWorkflow, settingsIfConfigured } = await import('../workflows.ts');
      const { openSession } = await import('../session.ts');
      const { planRun } = await import('../../workflow/runs.ts');
      const { printResult, table } = await import('../output.ts');
      const { formatDuration } = await import('../../kernel/units.ts');
      const globals = command.optsWithGlobals<Globals>();
      const { workflow } = await findWorkflow(globals, name);
      await using session = openSession(globals, await settingsIfConfigured(globals));
      const plan = await planRun(workflow, session.context);
      const document = { name, title: workflow.title, inputs: workflow.inputs, steps: plan };
      printResult(globals.json, document, () => {
        const rows = plan.map((unit) => [
          unit.id,
          unit.skipped ? 'skipped' : unit.title,
          unit.needs.join(' '),
          unit.gives.join(' '),
          formatDuration(unit.timeoutMs),
        ]);
        const head = `${workflow.title}\nInputs: ${workflow.inputs.join(' ') || 'none'}`;
        return `${head}\n\n${table(['step', 'what it does', 'needs', 'gives', 'limit'], rows)}`;
      });
    });
}

function runCommand(): Command {
  return new Command('run')
    .description('run a workflow by its name')
    .argument('<workflow>', 'its name')
    .option('--input <key=json>', 'give an input; may be repeated', collect, [])
    .addHelpText(
      'after',
      helpFooter(
        ['lifeboat workflow run backup', 'lifeboat workflow run rotate-keys --input \'host="web1"\''],
        [0, 1, 2, 3, 4, 5, 6, 130],
      ),
    )
    .action(async (name: string, options: { input: string[] }, command: Command) => {
      const { findWorkflow, settingsIfConfigured } = await import('../workflows.ts');
      const { configured, openSession, runCommand: run } = await import('../session.ts');
      const { checkInputs, parseInputs } = await import('../inputs.ts');
      const globals = command.optsWithGlobals<Globals>();
      const { workflow, file } = await findWorkflow(globals, name);
      const typed = parseInputs(options.input);
      // Only a workflow that works on the configured repository needs a configuration to run.
      const given = workflow.inputs.includes('config') ? (await configured(globals)).inputs : {};
      checkInputs(workflow, Object.keys(given), Object.keys(typed));
      const inputs = Object.fromEntries(
        Object.entries({ ...given, ...typed }).filter(([key]) => workflow.inputs.includes(key)),
      );
      await using session = openSession(globals, await settingsIfConfigured(globals));
      const { runText } = await import('../run-text.ts');
      await run(
        session,
        workflow,
        inputs,
        ({ report, state }) => ({ document: { state }, text: () => runText(report, undefined, globals) }),
        file,
      );
    });
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}
