/** A machine that is a recording: for tests, and for looking at a user's bug without the user's machine. */
import { z } from 'zod';
import { LifeboatError } from '../kernel/errors.ts';
import { nameToBytes } from '../kernel/text.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import { commandText } from './child.ts';
import { checkCode } from './command.ts';
import { type Argv, defaults, type Host, type RunResult } from './host.ts';
import { missingToolHint } from './packages.ts';

/** Output and files are text in which bytes that are not UTF-8 are escaped as in `kernel/text.ts`. */
export const recordingSchema = z.strictObject({
  /** The tool and its version, for the reader. */
  tool: z.string().optional(),
  distro: z.string().optional(),
  /** The same argv may come again: then the answers are given in order, and the last one from there on. */
  commands: z.array(
    z.strictObject({
      argv: z.tuple([z.string()], z.string()),
      code: z.int(),
      stdout: z.string(),
      stderr: z.string().default(''),
      /** The machine had no such program. */
      missing: z.boolean().optional(),
    }),
  ),
  /** A file that was not there is `null`. */
  files: z.record(z.string(), z.string().nullable()).default({}),
});

export type Recording = z.infer<typeof recordingSchema>;

/**
 * Answers from a recording, and fails on everything that is not in it. Writing is refused.
 *
 * @param recording checked here: it usually comes from a JSON file
 * @throws LifeboatError `config-invalid` when it is not a recording
 */
export function recordedHost(recording: unknown): Host {
  const parsed = recordingSchema.safeParse(recording);
  if (!parsed.success) {
    throw new LifeboatError('config-invalid', `not a recording of a host: ${z.prettifyError(parsed.error)}`);
  }
  const { commands, files } = parsed.data;
  const used = new Map<string, number>();

  const answer = (argv: Argv): RunResult => {
    const key = JSON.stringify(argv);
    const answers = commands.filter((command) => JSON.stringify(command.argv) === key);
    const index = Math.min(used.get(key) ?? 0, answers.length - 1);
    const found = answers[index];
    if (found === undefined) throw unlisted(`the command ${commandText(argv)}`);
    used.set(key, index + 1);
    if (found.missing === true) {
      throw new LifeboatError('tool-missing', `no such program: ${argv[0]}`, { hint: missingToolHint(argv[0]) });
    }
    return { code: found.code, stdout: nameToBytes(found.stdout), stderr: found.stderr };
  };

  return {
    name: 'recorded',
    async run(argv, options, signal) {
      throwIfAborted(signal);
      const result = answer(argv);
      checkSize(result.stdout, options.maxOutput ?? defaults.maxOutput, commandText(argv));
      checkCode(argv, result, options.okCodes ?? [0]);
      return result;
    },
    stream(argv, options, signal) {
      const finished = (async () => {
        throwIfAborted(signal);
        const result = answer(argv);
        for (const line of result.stderr.split('\n')) if (line !== '') options.onStderrLine?.(line);
        return result;
      })();
      finished.catch(() => undefined);
      return { stdout: outputOf(finished), finished };
    },
    async read(path, options, signal) {
      throwIfAborted(signal);
      const text = Object.hasOwn(files, path) ? files[path] : undefined;
      if (text === null) throw new LifeboatError('not-found', `read ${path} on recorded: no such file`);
      if (text === undefined) throw unlisted(`the file ${path}`);
      const data = nameToBytes(text);
      checkSize(data, options.maxBytes ?? defaults.maxRead, path);
      return data;
    },
    async write(path, _data, _options, signal) {
      throwIfAborted(signal);
      throw new LifeboatError('unsupported', `a recorded host cannot be written to: ${path}`);
    },
    async [Symbol.asyncDispose]() {},
  };
}

async function* outputOf(finished: Promise<RunResult>): AsyncGenerator<Uint8Array> {
  const { stdout } = await finished;
  if (stdout.length > 0) yield stdout;
}

function checkSize(data: Uint8Array, limit: number, what: string): void {
  if (data.length > limit) throw new LifeboatError('output-too-large', `${what}: more than ${limit} bytes`);
}

function unlisted(what: string): LifeboatError {
  return new LifeboatError('failed', `the recording does not hold ${what}`, {
    hint: 'Record it on a machine that has it, or ask for something that is in the recording.',
  });
}
