import { resolve } from 'node:path';
import { Command } from 'commander';
import { networkDocument } from '../documents.ts';
import { helpFooter } from '../globals.ts';
import { openDocuments, sourceHelp } from '../open-documents.ts';

interface Options {
  readonly network: string;
  readonly to: string;
  readonly map: readonly string[];
  readonly exclude: readonly string[];
  readonly live?: boolean;
  readonly root?: string;
  readonly commands: boolean;
  readonly output?: string;
}

const repeated = (value: string, values: readonly string[]): string[] => [...values, value];

export function networkPlanCommand(): Command {
  return new Command('plan')
    .description('how a captured network would come to the cards that are there; nothing is changed')
    .option('--network <source>', `the network as it was: ${sourceHelp}`, 'latest')
    .option('--to <source>', 'the machine with the cards: the same', 'host')
    .option(
      '--map <old=new>',
      'this card takes the place of that one, both by MAC or name; can be repeated',
      repeated,
      [],
    )
    .option('--exclude <link>', 'leave this out, with all that stands on it; can be repeated', repeated, [])
    .option('--live', 'for the links of the machine, until its next start (where no --root is given)')
    .option('--root <dir>', 'for the configuration of the system that is mounted there')
    .option('--commands', 'show every command, or every line that is changed', false)
    .option('--output <file>', 'write the plan there, as a JSON document')
    .addHelpText(
      'after',
      helpFooter(
        [
          'lifeboat network plan',
          'lifeboat network plan --map 52:54:00:12:34:56=enp1s0 --output network.json',
          'lifeboat network plan --root /mnt --commands',
        ],
        [0, 1, 2, 5, 130],
      ),
    )
    .action(async (options: Options, command: Command) => {
      const { LifeboatError } = await import('../../kernel/errors.ts');
      const { printResult } = await import('../output.ts');
      const { writeOutput } = await import('../output-file.ts');
      const { networkPlanDigest } = await import('../../network/rebuild/document.ts');
      const { planLive } = await import('../../network/rebuild/plan.ts');
      const { networkPlanText } = await import('../../network/rebuild/text.ts');
      const { filesBelow } = await import('../../network/rebuild/written/files.ts');
      const { givenNames } = await import('../../network/rebuild/written/given-names.ts');
      const { planWritten } = await import('../../network/rebuild/written/plan.ts');
      const { linkPairs, linksNamed } = await import('../link-pairs.ts');
      const { live, root: typed } = options;
      if (live === true && typed !== undefined) throw new LifeboatError('usage', 'either --live or --root, not both');
      const { globals, session, load } = await openDocuments(command);
      await using _session = session;
      const [wanted, found] = [await load(networkDocument, options.network), await load(networkDocument, options.to)];
      const request = {
        wanted,
        found,
        named: linkPairs(options.map, wanted, found),
        exclude: linksNamed(options.exclude, wanted),
      };
      const root = typed === undefined ? undefined : resolve(typed);
      const plan =
        root === undefined
          ? planLive(request)
          : planWritten({
              ...request,
              root,
              files: await filesBelow(session.host, root, session.signal),
              given: options.to === undefined ? await givenNames(found, session.host, session.signal) : new Map(),
            });
      if (options.output !== undefined && !globals.dryRun) {
        await writeOutput(options.output, `${JSON.stringify(plan, null, 2)}\n`);
      }
      const document = { ...plan, digest: networkPlanDigest(plan) };
      printResult(globals.json, document, () => networkPlanText(plan, options.commands));
    });
}
