/** What a site adds: its own workflows beside the configuration, and drop-ins. */
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isRoot, pointsOf, type Sandbox, sandbox, script } from '../helpers/cli.ts';

const greeting = `import { LifeboatError, stage, stepsOf, workflow } from 'lifeboat/steps';

interface Words { readonly name: string; readonly greeting: string }
const step = stepsOf<Words>();

const greet = step({
  id: 'greet',
  title: 'Greet',
  needs: ['name'],
  gives: ['greeting'],
  run: async ({ state: { name }, say }) => {
    if (name === '') throw new LifeboatError('refused', 'nobody to greet');
    if (name === 'half') say({ type: 'finding', subject: name, problem: 'is but one half' });
    return { greeting: \`hello \${name}\` };
  },
});

export default workflow({ name: 'greeting', title: 'Greet somebody', inputs: ['name'], stages: [stage('talk', [greet])] });
`;

function addWorkflow(box: Sandbox, text: string, name = 'greeting.ts'): string {
  mkdirSync(join(box.base, 'etc/workflows'), { recursive: true });
  const path = join(box.base, 'etc/workflows', name);
  writeFileSync(path, text, { mode: 0o644 });
  return path;
}

describe.concurrent("a site's own workflow", () => {
  test('is listed, shown and run, with its inputs, findings and failures', async () => {
    await using box = await sandbox();
    const file = addWorkflow(box, greeting);
    expect((await box.ask('workflow', 'list')).json).toContainEqual({
      name: 'greeting',
      title: 'Greet somebody',
      file,
    });
    const show = await box.run('workflow', 'show', 'greeting');
    expect(show.stdout).toMatch(/^Greet somebody\nInputs: name\n.*talk\.greet +Greet +name +greeting/s);
    const say = (name: string) => box.ask('workflow', 'run', 'greeting', '--input', `name=${JSON.stringify(name)}`);
    expect(await say('you')).toMatchObject({ code: 0, json: { state: { greeting: 'hello you' } } });
    expect(await say('half')).toMatchObject({ code: 4, json: { run: { status: 'incomplete' } } });
    const failed = await say('');
    expect(failed).toMatchObject({ code: 5, json: { error: { code: 'refused', message: 'nobody to greet' } } });
    // The file is where the journal says, so the run can be resumed by its id alone.
    expect((await box.ask('runs', 'resume', failed.json.run?.id ?? '')).code).toBe(5);
    expect((await box.ask('runs', 'list')).json).toHaveLength(3);
    const missing = await box.run('workflow', 'run', 'greeting');
    expect(missing.code).toBe(2);
    expect(missing.stderr).toMatch(/needs the input "name"\n.*--input name=JSON/);
  });

  test.for([
    ['its group may write to it', 0o664],
    ['everybody may write to it', 0o646],
  ] as const)('is refused, and not run, where %s', async ([why, mode]) => {
    await using box = await sandbox();
    const ran = join(box.base, 'ran');
    chmodSync(addWorkflow(box, `import { writeFileSync } from 'node:fs';\nwriteFileSync('${ran}', '');`), mode);
    const { code, json } = await box.ask('workflow', 'run', 'greeting');
    expect({ code, error: json.error }).toMatchObject({ code: 1, error: { code: 'untrusted' } });
    expect(json.error?.message).toContain(why);
    expect(json.error?.hint).toContain('chmod go-w');
    expect(existsSync(ran)).toBe(false);
    expect((await box.ask('backup')).code, 'a backup does not need it').toBe(0);
  });

  test('may import what lies beside and below it, if that is trusted too, and nothing from elsewhere', async () => {
    await using box = await sandbox();
    addWorkflow(box, `import { name } from './parts/name.ts';\n${greeting.replace("name: 'greeting'", 'name')}`);
    mkdirSync(join(box.base, 'etc/workflows/parts'));
    const part = addWorkflow(box, "export const name = 'greeting';", 'parts/name.ts');
    expect((await box.ask('workflow', 'show', 'greeting')).code).toBe(0);
    chmodSync(part, 0o666);
    const untrusted = await box.ask('workflow', 'show', 'greeting');
    expect(untrusted).toMatchObject({ code: 1, json: { error: { code: 'untrusted' } } });
    expect(untrusted.json.error?.message).toContain('parts/name.ts');
    chmodSync(part, 0o644);
    writeFileSync(join(box.base, 'elsewhere.ts'), "export const name = 'greeting';");
    addWorkflow(box, "export { name } from '../../../elsewhere.ts';", 'parts/name.ts');
    const outside = await box.ask('workflow', 'show', 'greeting');
    expect(outside).toMatchObject({ code: 1, json: { error: { code: 'untrusted' } } });
    expect(outside.json.error?.message).toContain('elsewhere.ts');
  });

  test.for([
    ['is not TypeScript', 'export default {{{', /greeting\.ts cannot be loaded/],
    ['uses what cannot be stripped', 'enum A { b }\nexport default A;', /greeting\.ts cannot be loaded/],
    ['imports what is not there', "import 'lifeboat/nothing';", /greeting\.ts cannot be loaded/],
    ['exports nothing', 'export const a = 1;', /greeting\.ts: default/],
    ['needs what nothing gives', greeting.replace("['name'], stages", '[], stages'), /needs "name", which no earlier/],
    [
      'takes a name that is taken',
      greeting.replace("name: 'greeting'", "name: 'backup'"),
      /name of a built-in workflow/,
    ],
  ] as const)('that %s: exit 2, and why', async ([, text, reason]) => {
    await using box = await sandbox();
    addWorkflow(box, text);
    const { code, json } = await box.ask('workflow', 'list');
    expect({ code, error: json.error }).toMatchObject({ code: 2, error: { code: 'workflow-invalid' } });
    expect(json.error?.message).toMatch(reason);
  });

  test('that there is not: exit 2, and those that there are', async () => {
    await using box = await sandbox();
    addWorkflow(box, greeting);
    const { code, stderr } = await box.run('workflow', 'run', 'greting');
    expect(code).toBe(2);
    expect(stderr).toMatch(/there is no workflow "greting"\n.*backup, restore, verify, .*greeting/);
  });
});

describe.concurrent('drop-ins', () => {
  const at = (box: Sandbox, place: string) => join(box.base, 'etc/hooks.d', place);

  test('run in order before and after their stage, with the state as JSON on stdin', async () => {
    await using box = await sandbox();
    const log = join(box.base, 'log');
    const note = `echo "$LIFEBOAT_STAGE $LIFEBOAT_MOMENT $(basename "$0")" >> ${log}`;
    script(at(box, 'backup/store.after.d/10-last'), `${note}; cat > ${log}.after`);
    script(at(box, 'backup/store.before.d/20-second'), note);
    script(at(box, 'backup/store.before.d/10-first'), `${note}; cat > ${log}.before`);
    script(at(box, 'backup/store.before.d/10-first~'), 'exit 1');
    script(at(box, 'restore/point.before.d/10-other'), 'exit 1');
    const plan = await box.run('--dry-run', 'backup');
    expect(plan.stdout).toMatch(/drop-in +store\.before\/10-first .*\n.*store\.before\/20-second/);
    expect(existsSync(log)).toBe(false);
    expect((await box.ask('backup')).code).toBe(0);
    expect(readFileSync(log, 'utf8')).toBe('store before 10-first\nstore before 20-second\nstore after 10-last\n');
    const before = JSON.parse(readFileSync(`${log}.before`, 'utf8'));
    expect(before).toMatchObject({ hostName: 'box', layout: { format: 'lifeboat.layout/1' } });
    expect(before).not.toHaveProperty('data');
    const after = JSON.parse(readFileSync(`${log}.after`, 'utf8'));
    expect(after).toMatchObject({ pointId: pointsOf(box).listed[0], data: { engine: 'tar' } });
  });

  test('one that fails stops the stage, says why, and nothing is left', async () => {
    await using box = await sandbox();
    const path = script(at(box, 'backup/verify.before.d/10-gate'), 'echo "the gate is shut" >&2; exit 7');
    const { code, json } = await box.ask('backup');
    expect({ code, error: json.error }).toMatchObject({ code: 1, error: { code: 'hook-failed' } });
    expect(json.error?.message).toBe(`the drop-in ${path} ended with exit code 7`);
    expect(json.error?.hint).toContain('the gate is shut');
    expect(pointsOf(box)).toEqual({ listed: [], stored: [] });
    script(path, 'exit 0');
    expect(await box.ask('runs', 'resume', json.run?.id ?? '')).toMatchObject({ code: 0 });
    expect(pointsOf(box).listed).toHaveLength(1);
  });

  test('can be skipped and limited by their ids', async () => {
    await using box = await sandbox();
    script(at(box, 'backup/store.before.d/10-fails'), 'exit 1');
    script(at(box, 'backup/store.before.d/20-hangs'), 'sleep 60');
    box.configure("skip: [store.before/10-fails]\nlimits: { 'store.before/20-hangs': 300ms }\n");
    const { code, json } = await box.ask('backup');
    expect({ code, error: json.error }).toMatchObject({ code: 1, error: { code: 'step-timeout' } });
    expect(json.error?.message).toContain('store.before/20-hangs');
  });

  test.for([
    ['its group may write to', (path: string) => chmodSync(path, 0o775), 'untrusted', /its group may write/],
    [
      'lies in a directory of others',
      (path: string) => chmodSync(join(path, '..'), 0o777),
      'untrusted',
      /everybody may/,
    ],
    ['is not executable', (path: string) => chmodSync(path, 0o644), 'hook-failed', /is not executable/],
  ] as const)('one that %s is refused before anything is done', async ([, spoil, error, reason]) => {
    await using box = await sandbox();
    const ran = join(box.base, 'ran');
    spoil(script(at(box, 'backup/prepare.before.d/10-x'), `touch ${ran}`));
    const { code, json } = await box.ask('backup');
    expect({ code, error: json.error }).toMatchObject({ code: 1, error: { code: error } });
    expect(json.error?.message).toMatch(reason);
    expect(existsSync(ran)).toBe(false);
    expect(existsSync(box.state)).toBe(false);
  });

  test.skipIf(!isRoot)('one of another user is refused (making one needs root)', async () => {
    await using box = await sandbox();
    chownSync(script(at(box, 'backup/prepare.before.d/10-x'), 'exit 0'), 65534, 65534);
    const { code, json } = await box.ask('backup');
    expect({ code, error: json.error }).toMatchObject({ code: 1, error: { code: 'untrusted' } });
    expect(json.error?.message).toContain('belongs to user 65534');
  });

  test('for a stage that there is not is refused: it would never run', async () => {
    await using box = await sandbox();
    script(at(box, 'backup/stor.before.d/10-x'), 'exit 0');
    const { code, stderr } = await box.run('backup');
    expect(code).toBe(1);
    expect(stderr).toMatch(/stor\.before\.d belongs to no stage\n.*store\.before\.d/);
  });
});
