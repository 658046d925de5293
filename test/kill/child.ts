/**
 * The process that is killed: `child.ts STATE_DIR FOLDER start|resume [ID]`. With KILL=<moment>:<n> it kills itself at
 * the nth write to the journal: `before` the write, with `half` of the line written, or `after` it is durable.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { noSecrets } from '../../src/kernel/secret.ts';
import { resumeRun, type RunContext, startRun } from '../../src/workflow/runs.ts';
import { noSettings } from '../../src/workflow/units.ts';
import { localHost } from '../../src/host/local.ts';
import { toyWorkflow } from './toy-workflow.ts';

const [stateDir = '', folder = '', mode, id = ''] = process.argv.slice(2);

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

async function killAt(moment: string, nth: number): Promise<void> {
  const probe = await open('/dev/null');
  const prototype: FileHandle = Object.getPrototypeOf(probe);
  await probe.close();
  const { writeFile, datasync } = prototype;
  let writes = 0;
  prototype.writeFile = async function (this: FileHandle, data: never) {
    writes += 1;
    if (writes === nth && moment === 'before') die();
    if (writes === nth && moment === 'half') {
      await Reflect.apply(writeFile, this, [String(data).slice(0, String(data).length / 2)]);
      die();
    }
    await Reflect.apply(writeFile, this, [data]);
  };
  prototype.datasync = async function (this: FileHandle) {
    await Reflect.apply(datasync, this, []);
    if (writes === nth && moment === 'after') die();
  };
}

const [moment, nth] = process.env['KILL']?.split(':') ?? [];
if (moment !== undefined) await killAt(moment, Number(nth));

await using host = localHost();
const context: RunContext = {
  stateDir,
  host,
  secrets: noSecrets,
  settings: noSettings,
  openEvents: async () => ({ emit: () => {}, [Symbol.asyncDispose]: async () => {} }),
  ask: async () => 'yes',
  version: 'test',
  now: () => new Date(),
};
const never = new AbortController().signal;
const outcome =
  mode === 'start'
    ? await startRun(toyWorkflow, { folder }, context, never)
    : await resumeRun(id, async () => toyWorkflow, context, never);
if (outcome.error) throw outcome.error;
console.log(JSON.stringify(outcome.state));
