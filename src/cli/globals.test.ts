import { Command } from 'commander';
import { expect, test } from 'vitest';
import { addGlobalOptions, type Globals, helpFooter, normalizeArguments } from './globals.ts';

function parse(...args: string[]): { globals: Globals; rest: string[] } {
  const command = addGlobalOptions(new Command()).argument('[rest...]').exitOverride();
  command.parse(normalizeArguments(['node', 'lifeboat', ...args]));
  return { globals: command.opts<Globals>(), rest: command.args };
}

test.for([
  [['backup'], undefined, ['backup']],
  [['--yes', 'backup'], '', ['backup']],
  [['backup', '--yes'], '', ['backup']],
  [['--yes=0123abcd', 'backup'], '0123abcd', ['backup']],
  [['--', '--yes'], undefined, ['--yes']],
  [['--yes', '--', '--yes', '/x'], '', ['--yes', '/x']],
] as const)('lifeboat %j: consent %j', ([args, yes, rest]) => {
  const parsed = parse(...args);
  expect(parsed.globals.yes).toBe(yes);
  expect(parsed.rest).toEqual(rest);
});

test('defaults', () => {
  expect(parse().globals).toMatchObject({ json: false, dryRun: false, quiet: false, color: true, logLevel: 'info' });
});

test('a repository that is given again is another one to try', () => {
  const several = parse('--repository', 'file:///a', 'x', '--repository=file:///b').globals;
  expect(several.repositories).toEqual(['file:///a', 'file:///b']);
  expect(parse('--repository', 'file:///c').globals).toMatchObject({
    repository: 'file:///c',
    repositories: ['file:///c'],
  });
});

test('the foot of the help sorts the statuses and says what they mean', () => {
  expect(helpFooter(['lifeboat x'], [130, 2, 0])).toBe(
    `\nExamples:\n  lifeboat x\n\nExit status:\n    0  done\n    2  wrong usage or configuration\n  130  interrupted\n`,
  );
});
