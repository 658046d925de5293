import { resolve } from 'node:path';
import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

interface Options {
  readonly header: readonly string[];
  readonly key: readonly string[];
}

const repeated = (value: string, values: readonly string[]): string[] => [...values, value];

export function layoutApplyCommand(): Command {
  return new Command('apply')
    .description('build disks anew as a plan says: what is on them is lost')
    .argument('<plan>', 'a file that "lifeboat layout plan --output" wrote')
    .option(
      '--header <uuid=file>',
      'LUKS header of an encrypted volume, as kept with a point; can be repeated',
      repeated,
      [],
    )
    .option(
      '--key <volume=file>',
      'file with a passphrase or key that opens it, by UUID, or by name where it has none; can be repeated',
      repeated,
      [],
    )
    .addHelpText(
      'after',
      `\nNothing is written unless the disks are as they were when the plan was made. Who is interrupted gives the same command again.\nWith --dry-run it is only looked whether all is so, and told what would be done.\n${helpFooter(
        [
          'lifeboat layout apply plan.json',
          'lifeboat layout apply plan.json --yes=DIGEST',
          'lifeboat layout apply plan.json --header UUID=header.img --key UUID=passphrase',
        ],
        [0, 1, 2, 5, 6, 130],
      )}`,
    )
    .action(async (file: string, options: Options, command: Command) => {
      const { readFile } = await import('node:fs/promises');
      const { explaining, LifeboatError } = await import('../../kernel/errors.ts');
      const { parsePlan, planDigest } = await import('../../layout/rebuild/document.ts');
      const { planText } = await import('../../layout/rebuild/text.ts');
      const { tryPlan } = await import('../../steps/apply.ts');
      const { openSession, runCommand } = await import('../session.ts');
      const { printResult } = await import('../output.ts');
      const { apply } = await import('../../../workflows/apply.ts');
      const globals = command.optsWithGlobals<Globals>();
      await using session = openSession(globals);
      const text = await explaining(`read ${file}`, async () => await readFile(file, 'utf8'));
      const layoutPlan = parsePlan(parsed(text));
      const applyRequest = {
        headers: pairs(options.header),
        keys: pairs(options.key),
        ...(globals.yes === undefined ? {} : { yes: globals.yes }),
      };
      const stateDir = resolve(globals.stateDir);
      if (globals.dryRun) {
        await tryPlan(layoutPlan, applyRequest, stateDir, session.host, session.signal);
        return printResult(globals.json, { ...layoutPlan, digest: planDigest(layoutPlan) }, () =>
          planText(layoutPlan, true),
        );
      }
      const inputs = { stateDir, layoutPlan, applyRequest };
      await runCommand(session, apply, inputs, () => ({
        document: { disks: layoutPlan.disks },
        text: () =>
          `Built ${layoutPlan.disks.map(({ id }) => id).join(', ')} as the plan says; captured again, it is the same.`,
      }));

      function parsed(json: string): unknown {
        try {
          return JSON.parse(json);
        } catch (cause) {
          throw new LifeboatError('record-damaged', `${file} is not JSON`, {
            hint: 'Make one with "lifeboat layout plan --output FILE".',
            cause,
          });
        }
      }

      function pairs(rules: readonly string[]): Record<string, string> {
        return Object.fromEntries(
          rules.map((rule) => {
            const [, volume, path] = /^([^=]+)=(.+)$/.exec(rule) ?? [];
            if (volume === undefined || path === undefined) throw new LifeboatError('usage', `not UUID=FILE: ${rule}`);
            return [volume, resolve(path)];
          }),
        );
      }
    });
}
