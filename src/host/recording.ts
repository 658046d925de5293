/** Makes a recording of what is asked of a machine, without secrets, to be replayed by `recordedHost`. */
import { anyCode } from './any-code.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { redactText } from '../kernel/secret.ts';
import { nameFromBytes } from '../kernel/text.ts';
import { checkCode } from './command.ts';
import { type Argv, defaults, type Host, type Running, type RunResult } from './host.ts';
import type { Recording } from './recorded.ts';

/**
 * A host that passes everything on to `base`, and what it has seen so far. Output of `stream` is recorded up to the
 * bound of `run`; a command that was cut short is not recorded. Writing is passed on and not recorded.
 */
export function recordingHost(base: Host): { readonly host: Host; readonly recording: () => Recording } {
  const commands: Recording['commands'] = [];
  const files: Recording['files'] = {};
  const keep = ([program, ...args]: Argv, { code, stdout, stderr }: RunResult, missing?: true) => {
    commands.push({
      argv: [program, ...args.map(redactText)],
      code,
      stdout: redactText(nameFromBytes(stdout)),
      stderr: redactText(stderr),
      ...(missing === undefined ? {} : { missing }),
    });
  };
  const keepMissing = (argv: Argv, error: unknown) => {
    if (hasCode(error, 'tool-missing')) keep(argv, { code: 127, stdout: Buffer.alloc(0), stderr: '' }, true);
  };

  const host: Host = {
    name: base.name,
    async run(argv, options, signal) {
      const result = await base.run(argv, { ...options, okCodes: anyCode }, signal).catch((error: unknown) => {
        keepMissing(argv, error);
        throw error;
      });
      keep(argv, result);
      checkCode(argv, result, options.okCodes ?? [0]);
      return result;
    },
    stream(argv, options, signal) {
      const running = base.stream(argv, options, signal);
      return {
        ...running,
        stdout: tee(
          running,
          (result) => keep(argv, result),
          (error) => keepMissing(argv, error),
        ),
      };
    },
    async read(path, options, signal) {
      try {
        const data = await base.read(path, options, signal);
        files[path] = redactText(nameFromBytes(data));
        return data;
      } catch (error) {
        if (hasCode(error, 'not-found')) files[path] = null;
        throw error;
      }
    },
    write: (path, data, options, signal) => base.write(path, data, options, signal),
    [Symbol.asyncDispose]: () => base[Symbol.asyncDispose](),
  };
  // Again: what was learnt to be a secret after it was recorded.
  return { host, recording: () => redactedRecording({ commands, files }) };
}

function redactedRecording({ commands, files }: Pick<Recording, 'commands' | 'files'>): Recording {
  return {
    commands: commands.map(({ argv: [program, ...args], stdout, stderr, ...rest }) => ({
      ...rest,
      argv: [program, ...args.map(redactText)],
      stdout: redactText(stdout),
      stderr: redactText(stderr),
    })),
    files: Object.fromEntries(
      Object.entries(files).map(([path, content]) => [path, content === null ? null : redactText(content)]),
    ),
  };
}

async function* tee(
  running: Running,
  keep: (result: RunResult) => void,
  onError: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of running.stdout) {
      size += chunk.length;
      if (size <= defaults.maxOutput) chunks.push(chunk);
      yield chunk;
    }
    const finished = await running.finished;
    if (size <= defaults.maxOutput) keep({ ...finished, stdout: Buffer.concat(chunks) });
  } catch (error) {
    onError(error);
    throw error;
  }
}

function hasCode(error: unknown, code: LifeboatError['code']): boolean {
  return error instanceof LifeboatError && error.code === code;
}
