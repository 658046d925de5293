import { resolve } from 'node:path';
import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

export function networkApplyCommand(): Command {
  return new Command('apply')
    .description('set up the links of this machine, or rewrite a configuration, as a plan says')
    .argument('<plan>', 'a file that "lifeboat network plan --output" wrote')
    .addHelpText(
      'after',
      `\nNothing is changed unless all is as it was when the plan was made. Who is interrupted gives the same command again.\nThat a terminal or a connection is gone does not interrupt what is done to live links.\n${helpFooter(
        ['lifeboat network apply network.json', 'lifeboat network apply network.json --yes=DIGEST'],
        [0, 1, 2, 5, 6, 130],
      )}`,
    )
    .action(async (file: string, _options: unknown, command: Command) => {
      const { readFile } = await import('node:fs/promises');
      const { explaining, LifeboatError } = await import('../../kernel/errors.ts');
      const { parseNetworkPlan } = await import('../../network/rebuild/document.ts');
      const { networkPlanText } = await import('../../network/rebuild/text.ts');
      const { openSession, runCommand } = await import('../session.ts');
      const { printResult } = await import('../output.ts');
      const { network } = await import('../../../workflows/network.ts');
      const { noSettings } = await import('../../workflow/units.ts');
      const globals = command.optsWithGlobals<Globals>();
      const text = await explaining(`read ${file}`, async () => await readFile(file, 'utf8'));
      const networkPlan = parseNetworkPlan(parsed(text));
      // Half a network could be reached by nobody.
      await using session = openSession(globals, noSettings, networkPlan.outcome === 'live');
      if (globals.dryRun) return printResult(globals.json, networkPlan, () => networkPlanText(networkPlan, true));
      const networkRequest = globals.yes === undefined ? {} : { yes: globals.yes };
      const inputs = { stateDir: resolve(globals.stateDir), networkPlan, networkRequest };
      await runCommand(session, network, inputs, () => ({
        document: { outcome: networkPlan.outcome, cards: networkPlan.cards },
        text: () =>
          networkPlan.outcome === 'live'
            ? 'The network is as the plan says; captured again, it is the same.'
            : `${networkPlan.files.length} files below ${networkPlan.root} are as the plan says.`,
      }));

      function parsed(json: string): unknown {
        try {
          return JSON.parse(json);
        } catch (cause) {
          throw new LifeboatError('record-damaged', `${file} is not JSON`, {
            hint: 'Make one with "lifeboat network plan --output FILE".',
            cause,
          });
        }
      }
    });
}
