import { Command, InvalidArgumentError } from 'commander';
import { helpFooter } from '../../globals.ts';
import { openPoints, pointHelp } from './open.ts';

interface Options {
  readonly all: boolean;
  readonly oldest?: number;
  readonly olderThan?: string;
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description('read every byte of points back, check it, and put the result on record')
    .argument('[point...]', `${pointHelp}; with all that it builds upon. All points when none is named`)
    .option('--all', 'all points, each by itself; what no point is named is the same', false)
    .option('--oldest <n>', 'only so many, those that were verified the longest ago, or never, first', atLeastOne)
    .option('--older-than <duration>', 'only those that were not verified for so long, such as 30d')
    .addHelpText(
      'after',
      helpFooter(
        [
          'lifeboat points verify latest',
          'lifeboat points verify --oldest 2',
          'lifeboat points verify --older-than 30d',
        ],
        [0, 1, 2, 4, 130],
      ),
    )
    .action(async (points: string[], { all, oldest, olderThan }: Options, command: Command) => {
      const { LifeboatError } = await import('../../../kernel/errors.ts');
      const { parseDuration } = await import('../../../kernel/units.ts');
      const { present } = await import('../../../kernel/present.ts');
      const { runCommand } = await import('../../session.ts');
      const { describeVerification } = await import('../../present.ts');
      const { verify } = await import('../../../../workflows/verify.ts');
      if (points.length > 0 && (all || oldest !== undefined || olderThan !== undefined))
        throw new LifeboatError('usage', 'name points, or say which of all to verify: not both');
      if (olderThan !== undefined) parseDuration(olderThan);
      const { inputs, session } = await openPoints(command);
      await using _session = session;
      const verifyRequest = { points, ...present({ oldest, olderThan }) };
      await runCommand(session, verify, { ...inputs, verifyRequest }, describeVerification);
    });
}

function atLeastOne(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is not a whole number above 0.');
}
