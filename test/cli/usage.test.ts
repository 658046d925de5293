/** How the command line answers those who use it wrongly, and those who ask for help. */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { buildProgram } from '../../src/cli/program.ts';
import { exitStatuses } from '../../src/kernel/errors.ts';
import { lifeboat, sandbox, startLifeboat } from '../helpers/cli.ts';

const run = (...args: string[]) => startLifeboat(args).ended;

test.concurrent.for([
  [[], /^Usage: lifeboat/, /no command given/],
  [['points'], /^Usage: lifeboat points/, /no command given/],
  [['bakcup'], /^lifeboat: unknown command 'bakcup'/, /Did you mean backup\?/],
  [['points', 'lst'], /unknown command 'lst'/, /Did you mean one of list, ls\?/],
  [['backup', '--fast'], /unknown option '--fast'/, /--help/],
  [['backup', 'extra'], /too many arguments/, /--help/],
  [['restore', 'latest'], /where to restore to/, /--to DIR or --in-place/],
  [['points', 'show'], /missing required argument 'point'/, /--help/],
  [['--log-level', 'loud', 'layout', 'show'], /no log level "loud"/, /trace, debug, info, warn, error/],
  [['runs', 'show', '../../etc'], /not the id of a run/, /runs list/],
  [['workflow', 'run', 'backup', '--input', 'nonsense'], /not of the form key=JSON/, /nonsense/],
] as const)('lifeboat %j: exit 2, the reason and what to do', async ([args, reason, next]) => {
  const { code, stdout, stderr } = await run(...args);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(reason);
  expect(stderr).toMatch(next);
  expect(stderr).not.toMatch(/\bat .*\.[jt]s:\d+/);
});

test('with --json a wrong use is a document too', async () => {
  const { code, json, stderr } = await run('--json', 'bakcup');
  expect(code).toBe(2);
  expect(json).toMatchObject({ error: { code: 'usage', message: expect.stringContaining('bakcup') }, exitStatus: 2 });
  expect(stderr).toBe('');
});

test('--version prints the version of the package', async () => {
  const version: string = JSON.parse(
    execFileSync('cat', [join(lifeboat, '../../package.json')], { encoding: 'utf8' }),
  ).version;
  expect(await run('--version')).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
});

/** Every command with its whole name, those that only hold others too. */
async function commands(): Promise<{ readonly name: string[]; readonly leaf: boolean }[]> {
  const found: { name: string[]; leaf: boolean }[] = [];
  const walk = (command: Command, name: string[]) => {
    found.push({ name, leaf: command.commands.length === 0 });
    for (const sub of command.commands) walk(sub, [...name, sub.name()]);
  };
  const top = await buildProgram([]);
  for (const { name } of top.commands.map((command) => ({ name: command.name() }))) {
    const program = await buildProgram([name]);
    const command = program.commands.find((one) => one.name() === name);
    if (command) walk(command, [name]);
  }
  return [{ name: [], leaf: true }, ...found];
}

test('--help of every command says what it does, with examples and exit statuses', async () => {
  const all = await commands();
  expect(all.length).toBeGreaterThan(20);
  for (let begin = 0; begin < all.length; begin += 4) {
    await Promise.all(
      all.slice(begin, begin + 4).map(async ({ name, leaf }) => {
        const { code, stdout, stderr } = await run(...name, '--help');
        expect({ name, code, stderr }).toEqual({ name, code: 0, stderr: '' });
        expect(stdout).toMatch(new RegExp(`^Usage: ${['lifeboat', ...name].join(' ')}`));
        if (!leaf) return;
        const examples = /^Examples:\n((?: {2}lifeboat .*\n)+)/m.exec(stdout)?.[1] ?? '';
        expect(examples, `${name.join(' ')} has examples`).toContain(`lifeboat ${name.join(' ')}`.trim());
        const statuses = /^Exit status:\n((?: +\d+ {2}.*\n)+)/m.exec(stdout)?.[1] ?? '';
        expect(statuses, `${name.join(' ')} has exit statuses`).toContain(`  0  ${exitStatuses[0]}`);
      }),
    );
  }
});

test('an old Node is told in one line, with the remedy', async () => {
  const fake = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.11.1' } });
    Object.defineProperty(process, 'version', { value: 'v20.11.1' });`;
  const node = ['--import', `data:text/javascript,${encodeURIComponent(fake)}`];
  const { code, stdout, stderr } = await startLifeboat(['--help'], { node }).ended;
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^lifeboat needs Node 24 or newer, this is v20\.11\.1: .*npm install.*\n$/);
});

describe.concurrent('a configuration that is wrong: exit 2, file and line', () => {
  test('that is not there', async () => {
    await using box = await sandbox({ bare: true });
    const { code, stderr } = await box.run('backup');
    expect(code).toBe(2);
    expect(stderr).toContain(`there is no configuration at ${box.config}`);
    expect(stderr).toContain('lifeboat init');
  });

  test.for([
    ['an unknown key', '  exlude: [/tmp]\n', /lifeboat\.yaml:5: backup\.exlude: unknown key; did you mean exclude\?/],
    ['a wrong value', 'engine: zip\n', /lifeboat\.yaml:5: engine: is not an engine/],
    ['YAML that is none', 'skip: [\n', /lifeboat\.yaml:\d+: not valid YAML/],
    ['a step to skip that is misspelt', 'skip: [store.date]\n', /no workflow has a step "store\.date"/],
    ['a limit of a step that is misspelt', 'limits: { stor.data: 1h }\n', /no workflow has a step "stor\.data"/],
    ['a step that others need', 'skip: [capture.layout]\n', /needs "layout" of capture\.layout, which is skipped/],
  ] as const)('%s', async ([, lines, reason]) => {
    await using box = await sandbox();
    box.configure(lines);
    const { code, stderr } = await box.run('backup');
    expect(code).toBe(2);
    expect(stderr).toMatch(reason);
    expect(existsSync(box.state)).toBe(false);
  });

  test('the step that was meant is suggested', async () => {
    await using box = await sandbox();
    box.configure('skip: [store.date]\n');
    expect((await box.run('backup')).stderr).toContain('Did you mean store.data?');
  });

  test.for(['file://server/share', 'file:relative', 'file:///a%2Fb', 'sftp:///x', 'relative/path'])(
    'a repository that cannot be one: %s',
    async (url) => {
      await using box = await sandbox();
      box.configure('', url);
      const { code, json } = await box.ask('backup');
      expect({ code, error: json.error }).toMatchObject({ code: 2, error: { code: 'config-invalid' } });
    },
  );
});

test('settings for drop-ins and for steps of own workflows are no misspellings', async () => {
  await using box = await sandbox();
  box.configure('limits: { store.before/10-dump: 5m }\nskip: [clean.sweep]\n');
  const workflows = join(box.base, 'etc/workflows');
  const unknown = await box.run('backup', '--dry-run');
  expect(unknown.stderr).toMatch(/no workflow has a step "clean\.sweep"/);
  execFileSync('mkdir', ['-p', workflows]);
  writeFileSync(join(workflows, 'own.ts'), ownWorkflow);
  expect(await box.run('backup', '--dry-run')).toMatchObject({ code: 0, stderr: '' });
});

const ownWorkflow = `import { stage, stepsOf, workflow } from 'lifeboat/steps';
const step = stepsOf<{ n: number }>();
const sweep = step({ id: 'sweep', title: 'Sweep', needs: [], gives: [], run: async () => ({}) });
export default workflow({ name: 'own', title: 'Own', inputs: [], stages: [stage('clean', [sweep])] });
`;

describe.concurrent('a password in a URL', () => {
  const secret = 'Geh31m-Wort';
  test('in the configuration is refused and not repeated', async () => {
    await using box = await sandbox();
    box.configure('', `https://me:${secret}@backup.example/x`);
    for (const args of [['backup'], ['--json', 'backup'], ['doctor'], ['points', 'list']]) {
      const { code, stdout, stderr } = await box.run(...args);
      expect(code).toBe(args[0] === 'doctor' ? 1 : 2);
      expect(`${stdout}${stderr}`).toMatch(/lifeboat\.yaml:1: repository: holds a password/);
      expect(`${stdout}${stderr}`).not.toContain(secret);
    }
  });

  test('given to init is refused, not repeated and not written', async () => {
    await using box = await sandbox({ bare: true });
    for (const args of [[], ['--json'], ['--dry-run']]) {
      const url = `https://me:${secret}@backup.example/x`;
      const { code, stdout, stderr } = await box.run(...args, 'init', '--include', box.source, '--repository', url);
      expect(code).toBe(2);
      expect(`${stdout}${stderr}`).not.toContain(secret);
      expect(existsSync(box.config)).toBe(false);
    }
  });

  test('typed in the wrong place is not repeated', async () => {
    const { code, stderr } = await run('backup', `https://me:${secret}@backup.example/x`);
    expect(code).toBe(2);
    expect(stderr).not.toContain(secret);
  });
});

test('a closed pipe is no failure and no stack trace', () => {
  const command = `"$1" "$2" --help | true; "$1" "$2" --help 2>&1 >/dev/null | head -c 1000`;
  expect(execFileSync('sh', ['-c', command, 'sh', process.execPath, lifeboat], { encoding: 'utf8' })).toBe('');
});
