import { Command } from 'commander';
import { rules } from '../../layout/rebuild/rewrites/rules.ts';
import type { Layout } from '../../layout/types.ts';
import { layoutDocument } from '../documents.ts';
import { helpFooter } from '../globals.ts';
import { openDocuments, sourceHelp } from '../open-documents.ts';
import type { PlanNames } from '../../layout/rebuild/plan-names.ts';

interface Options extends PlanNames {
  readonly layout: string;
  readonly to: string;
  readonly grow: boolean;
  readonly commands: boolean;
  readonly output?: string;
  readonly svg?: string;
}

const ruleLines = Object.entries(rules).map(([rule, does]) => `  ${rule.padEnd(9)} ${does}`);

const repeated = (value: string, values: readonly string[]): string[] => [...values, value];

export function layoutPlanCommand(): Command {
  return new Command('plan')
    .description(
      'how a captured machine would be built anew on the disks that are there; nothing is written to any of them',
    )
    .option('--layout <source>', `the machine as it was: ${sourceHelp}`, 'latest')
    .option('--to <source>', 'the machine to build it on: the same', 'host')
    .option(
      '--map <old=new>',
      'this disk takes the place of that one, both by serial number, id or bus path; can be repeated',
      repeated,
      [],
    )
    .option('--only <disk>', 'take only this disk, whatever is on it; can be repeated', repeated, [])
    .option(
      '--exclude <what>',
      'leave this out, by id, mount point, label or name, with all that stands on it; can be repeated',
      repeated,
      [],
    )
    .option('--keep <what>', 'leave this as it is on the disk that it is on now; can be repeated', repeated, [])
    .option(
      '--reuse <what>',
      'leave this partition, array or volume in its place, and make anew what it holds',
      repeated,
      [],
    )
    .option(
      '--rewrite <rule[=what]>',
      'make this otherwise than it was, by one of the rules below; can be repeated',
      repeated,
      [],
    )
    .option('--grow', 'filesystems take what is left over on larger disks', false)
    .option('--commands', 'show every command', false)
    .option('--output <file>', 'write the plan there, as a JSON document')
    .option('--svg <file>', 'write a picture of it there: each disk as it is and as it will be, and what is lost')
    .addHelpText('after', `\nRules of --rewrite:\n${ruleLines.join('\n')}`)
    .addHelpText(
      'after',
      helpFooter(
        [
          'lifeboat layout plan',
          'lifeboat layout plan --layout latest --to spare.json --map S1ABC=S9XYZ',
          'lifeboat layout plan --grow --output plan.json --svg plan.svg',
          'lifeboat layout plan --rewrite one-disk=S1ABC --exclude /srv --keep /home',
        ],
        [0, 1, 2, 5, 130],
      ),
    )
    .action(async (options: Options, command: Command) => {
      const { printResult } = await import('../output.ts');
      const { writeOutput } = await import('../output-file.ts');
      const { lookedAt } = await import('../../layout/rebuild/blank.ts');
      const { planDigest } = await import('../../layout/rebuild/document.ts');
      const { planLayout } = await import('../../layout/rebuild/plan.ts');
      const { planText } = await import('../../layout/rebuild/text.ts');
      const { withWholeDisks } = await import('../../layout/rebuild/attached.ts');
      const { namedRequest } = await import('../../layout/rebuild/plan-names.ts');
      const { repositoryDirectory } = await import('../session.ts');
      const { present } = await import('../../kernel/present.ts');
      const { globals, session, load } = await openDocuments(command);
      await using _session = session;
      const wanted = await load(layoutDocument, options.layout);
      const found = withWholeDisks(await load(layoutDocument, options.to));
      const repository = options.to === 'host' ? await repositoryDirectory(globals) : undefined;
      const plan = planLayout({
        wanted,
        found,
        ...(options.to === 'host'
          ? await lookedAt(wanted, found, session.host, session.signal)
          : { blank: unused(found) }),
        ...namedRequest(options, withWholeDisks(wanted), found),
        ...present({ repository }),
        ...(options.grow ? { grows: ({ kind }) => ['ext', 'xfs', 'btrfs', 'f2fs'].includes(kind) } : {}),
      });
      if (options.output !== undefined && !globals.dryRun) {
        await writeOutput(options.output, `${JSON.stringify(plan, null, 2)}\n`);
      }
      if (options.svg !== undefined && !globals.dryRun) {
        const { planSvg } = await import('../../layout/rebuild/svg.ts');
        await writeOutput(options.svg, planSvg(plan));
      }
      printResult(globals.json, { ...plan, digest: planDigest(plan) }, () => planText(plan, options.commands));
    });
}

/** Of a document only what it says is known of what is on its disks. */
function unused({ components }: Layout): ReadonlySet<string> {
  const used = new Set(components.flatMap(({ on }) => on));
  const disks = components.filter((one) => one.kind === 'disk' && one.sizeBytes > 0);
  return new Set(disks.flatMap(({ id }) => (used.has(id) ? [] : [id])));
}
