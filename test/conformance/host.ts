/** What every `Host` owes its callers, as one suite; the reason of each gap stands in the title of the skipped test. */
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Argv, Host } from '../../src/host/host.ts';
import { parseProcessStart } from '../../src/host/identity.ts';
import { localHost } from '../../src/host/local.ts';
import { LifeboatError, type ErrorCode } from '../../src/kernel/errors.ts';

/** The cases, so that a skip cannot name one that does not exist. */
export type HostCase =
  | 'argv'
  | 'environment'
  | 'empty stdin'
  | 'stdin bytes'
  | 'stdin stream'
  | 'stdin not read'
  | 'stdin fails'
  | 'exit codes'
  | 'signal'
  | 'missing tool'
  | 'bad names'
  | 'stderr tail'
  | 'stderr lines'
  | 'max output'
  | 'time limit'
  | 'stubborn'
  | 'left behind'
  | 'abort'
  | 'aborted before'
  | 'stream'
  | 'stream time limit'
  | 'early break'
  | 'unread stream'
  | 'read'
  | 'read proc'
  | 'read fifo'
  | 'write'
  | 'write failing';

export interface HostUnderTest extends AsyncDisposable {
  readonly host: Host;
  /** A directory on the host in which the suite may do what it likes. */
  readonly directory: string;
  /** Whose `/proc` has the processes of the host. @default this machine */
  readonly processes?: Host;
}

export interface DescribeHostOptions {
  readonly open: () => Promise<HostUnderTest>;
  /** Case → the reason why this host cannot have it. */
  readonly skip?: Partial<Record<HostCase, string>>;
}

export function describeHost(name: string, { open, skip = {} }: DescribeHostOptions): void {
  describe.concurrent(`host: ${name}`, () => {
    let subject: HostUnderTest;
    let opened = false;
    beforeAll(async () => {
      subject = await open();
      opened = true;
    }, 600_000);
    afterAll(async () => {
      if (opened) await subject[Symbol.asyncDispose]();
    });
    const never = () => new AbortController().signal;
    /** When a process of the host started, `undefined` when it is gone or only waits to be collected. */
    const startOf = async (pid: number) => {
      const options = { okCodes: [0, 1] };
      const processes = subject.processes ?? localHost();
      return parseProcessStart((await processes.run(['cat', `/proc/${pid}/stat`], options, never())).stdout.toString());
    };
    const run = async (...argv: [string, ...string[]]) => (await subject.host.run(argv, {}, never())).stdout.toString();

    /** A case that is there, or one that says why it is not. */
    const conforms = (id: HostCase, title: string, body: () => Promise<void>) => {
      const reason = skip[id];
      if (reason === undefined) test.concurrent(`${id}: ${title}`, body, 120_000);
      else test.skip(`${id}: ${title} (${reason})`);
    };

    conforms('argv', 'reaches the program untouched', async () => {
      const words = [
        '',
        ' ',
        'a b',
        "it's",
        '"',
        '$(id)',
        '`id`',
        '*',
        '\n\n',
        'a\\b',
        '-n',
        '--',
        '~',
        '#',
        '!',
        'é€😀',
        ';&|',
      ];
      expect((await run('sh', '-c', 'printf "%s\\0" "$@"', 'sh', ...words)).split('\0').slice(0, -1)).toEqual(words);
      expect(await run('printf', '%s', '$HOME')).toBe('$HOME');
    });

    conforms('environment', 'is LC_ALL=C, what is given, and / as working directory', async () => {
      expect(await run('sh', '-c', 'echo "$LC_ALL"; pwd')).toBe('C\n/\n');
      const env = { LC_ALL: 'C.UTF-8', GREETING: "it's $me" };
      const { stdout } = await subject.host.run(['sh', '-c', 'echo "$LC_ALL $GREETING"'], { env }, never());
      expect(stdout.toString()).toBe("C.UTF-8 it's $me\n");
    });

    conforms('empty stdin', 'is the default', async () => {
      expect(await run('cat')).toBe('');
    });

    conforms('stdin bytes', 'come through whole', async () => {
      const data = randomBytes(8 * 1024 * 1024);
      const { stdout } = await subject.host.run(['cat'], { stdin: data }, never());
      expect(stdout.equals(data)).toBe(true);
    });

    conforms('stdin stream', 'comes through whole', async () => {
      const chunks = Array.from({ length: 128 }, () => randomBytes(64 * 1024));
      const { stdout } = await subject.host.run(['cat'], { stdin: iterate(chunks) }, never());
      expect(stdout.equals(Buffer.concat(chunks))).toBe(true);
    });

    conforms('stdin not read', 'is no failure, and lets go of its source', async () => {
      let closed = false;
      async function* endless() {
        try {
          for (;;) yield Buffer.alloc(64 * 1024);
        } finally {
          closed = true;
        }
      }
      const { stdout } = await subject.host.run(['head', '-c', '3'], { stdin: endless() }, never());
      expect(stdout).toEqual(Buffer.alloc(3));
      await until(() => closed);
    });

    conforms('stdin fails', 'ends the command before it can take a part for the whole', async () => {
      const path = `${subject.directory}/part`;
      async function* failing() {
        yield Buffer.from('part');
        await delay(50);
        throw new LifeboatError('archive-damaged', 'the source broke');
      }
      const argv: Argv = ['sh', '-c', 'cat >/dev/null && echo whole >"$1"', 'sh', path];
      await rejects(subject.host.run(argv, { stdin: failing() }, never()), 'archive-damaged');
      await rejects(subject.host.read(path, {}, never()), 'not-found');
    });

    conforms('exit codes', 'other than the agreed ones are failures that say what was said', async () => {
      const argv: Argv = ['sh', '-c', 'echo out; echo why >&2; exit 3'];
      const error = await rejects(subject.host.run(argv, {}, never()), 'command-failed');
      expect(error.message).toMatch(/exit code 3[^]*why/);
      expect(await subject.host.run(argv, { okCodes: [0, 3] }, never())).toEqual({
        code: 3,
        stdout: Buffer.from('out\n'),
        stderr: 'why\n',
      });
      await rejects(subject.host.run(['true'], { okCodes: [3] }, never()), 'command-failed');
      await rejects(subject.host.run(['sh', '-c', 'exit 127'], {}, never()), 'command-failed');
    });

    conforms('signal', 'that ended the command shows in the exit code', async () => {
      const { code } = await subject.host.run(['sh', '-c', 'kill -KILL $$'], { okCodes: [137] }, never());
      expect(code).toBe(137);
    });

    conforms('missing tool', 'is told apart from a failing one', async () => {
      for (const program of ['no-such-tool', '/no/such/tool']) {
        await rejects(subject.host.run([program], {}, never()), 'tool-missing');
      }
      const { stdout, finished } = subject.host.stream(['no-such-tool'], {}, never());
      await rejects(collect(stdout), 'tool-missing');
      await rejects(finished, 'tool-missing');
    });

    conforms('bad names', 'are refused, not mangled', async () => {
      await rejects(subject.host.run(['true', '\udcff'], {}, never()), 'unsupported');
      await rejects(subject.host.run(['true', 'a\0b'], {}, never()), 'unsupported');
    });

    conforms('stderr tail', 'is kept, the rest dropped', async () => {
      const script = 'head -c 300000 /dev/zero | tr "\\0" x >&2; echo end >&2';
      const { stderr } = await subject.host.run(['sh', '-c', script], {}, never());
      expect(stderr).toHaveLength(64 * 1024);
      expect(stderr.endsWith('xxend\n')).toBe(true);
    });

    conforms('stderr lines', 'are told one by one', async () => {
      const lines: string[] = [];
      const argv: Argv = ['sh', '-c', 'echo one >&2; printf "two\\nthr" >&2; printf ee >&2'];
      const { stdout, finished } = subject.host.stream(argv, { onStderrLine: (line) => lines.push(line) }, never());
      await collect(stdout);
      await finished;
      expect(lines).toEqual(['one', 'two', 'three']);
    });

    conforms('max output', 'ends a command that prints more', async () => {
      const endless: Argv = ['sh', '-c', 'while :; do echo too much; done'];
      await rejects(subject.host.run(endless, { maxOutput: 10_000 }, never()), 'output-too-large');
    });

    conforms('time limit', 'ends the whole process group', async () => {
      const path = `${subject.directory}/time-limit`;
      const argv: Argv = ['sh', '-c', 'sleep 300 & echo $! >"$1"; wait', 'sh', path];
      const ended = rejects(subject.host.run(argv, { timeoutMs: 4_000 }, never()), 'command-timeout');
      const grandchild = await until(() => readPid(subject.host, path));
      const start = await startOf(grandchild);
      expect(start).toBeDefined();
      await ended;
      await until(async () => (await startOf(grandchild)) !== start);
    });

    conforms('stubborn', 'commands that ignore SIGTERM are killed in the end', async () => {
      const path = `${subject.directory}/stubborn`;
      const argv: Argv = ['sh', '-c', 'trap "" TERM; echo $$ >"$1"; while :; do sleep 1; done', 'sh', path];
      const ended = rejects(subject.host.run(argv, { timeoutMs: 2_000 }, never()), 'command-timeout');
      const pid = await until(() => readPid(subject.host, path));
      const start = await startOf(pid);
      expect(start).toBeDefined();
      await ended;
      await until(async () => (await startOf(pid)) !== start);
    });

    conforms('left behind', 'processes that hold the pipes open are not waited for', async () => {
      const path = `${subject.directory}/left-behind`;
      const argv: Argv = ['sh', '-c', 'setsid sleep 300 & echo $! >"$1"; echo done', 'sh', path];
      const { stdout } = await subject.host.run(argv, {}, never());
      expect(stdout.toString()).toBe('done\n');
      const processes = subject.processes ?? localHost();
      await processes.run(['sh', '-c', 'kill "$1"', 'sh', String(await readPid(subject.host, path))], {}, never());
    });

    conforms('abort', 'ends the command with the reason given', async () => {
      const controller = new AbortController();
      const ended = rejects(subject.host.run(['sleep', '300'], {}, controller.signal), 'locked');
      setTimeout(() => controller.abort(new LifeboatError('locked', 'another run')), 200);
      await ended;
      const running = subject.host.stream(['sh', '-c', 'echo first; sleep 300'], {}, AbortSignal.timeout(200));
      await rejects(collect(running.stdout), 'interrupted');
      await rejects(running.finished, 'interrupted');
    });

    conforms('aborted before', 'means that nothing happens', async () => {
      const { host, directory } = subject;
      const path = `${directory}/never`;
      const aborted = AbortSignal.abort();
      await rejects(host.run(['sh', '-c', 'echo >"$1"', 'sh', path], {}, aborted), 'interrupted');
      await rejects(collect(host.stream(['cat'], {}, aborted).stdout), 'interrupted');
      await rejects(host.read('/etc/hostname', {}, aborted), 'interrupted');
      await rejects(host.write(path, Buffer.of(), {}, aborted), 'interrupted');
      await rejects(host.read(path, {}, never()), 'not-found');
    });

    conforms('stream', 'hands over every byte, then the exit code', async () => {
      const size = 64 * 1024 * 1024;
      const argv: Argv = ['sh', '-c', 'head -c "$1" /dev/zero; echo end; exit 5', 'sh', String(size)];
      const { stdout, finished } = subject.host.stream(argv, {}, never());
      const hash = createHash('sha256');
      let first = true;
      for await (const chunk of stdout) {
        hash.update(chunk);
        // A reader slower than the silence after which a left-behind pipe is given up.
        if (first) await delay(1_500);
        first = false;
      }
      const expected = createHash('sha256').update(Buffer.alloc(size)).update('end\n');
      expect(hash.digest('hex')).toBe(expected.digest('hex'));
      expect((await finished).code).toBe(5);
    });

    conforms('stream time limit', 'reaches the reader', async () => {
      const running = subject.host.stream(['sh', '-c', 'echo first; sleep 300'], { timeoutMs: 200 }, never());
      await rejects(collect(running.stdout), 'command-timeout');
    });

    conforms('early break', 'ends the command', async () => {
      const { stdout, finished } = subject.host.stream(['sh', '-c', 'echo $$; exec sleep 300'], {}, never());
      let pid = 0;
      for await (const chunk of stdout) {
        pid = Number(Buffer.from(chunk).toString());
        break;
      }
      expect((await finished).code).toBe(143);
      expect(await startOf(pid)).toBeUndefined();
    });

    conforms('unread stream', 'of a silent command still finishes', async () => {
      const { finished } = subject.host.stream(['sh', '-c', 'exit 4'], {}, never());
      expect((await finished).code).toBe(4);
    });

    conforms('read', 'gives whole files, and says what is wrong', async () => {
      const { host, directory } = subject;
      const path = `${directory}/-read it's`;
      await host.write(path, Buffer.from([0, 255, 10]), {}, never());
      expect(await host.read(path, {}, never())).toEqual(Buffer.from([0, 255, 10]));
      await rejects(host.read(path, { maxBytes: 2 }, never()), 'output-too-large');
      await rejects(host.read(`${directory}/absent`, {}, never()), 'not-found');
      await rejects(host.read(directory, {}, never()), 'failed');
    });

    conforms('read proc', 'takes files whose size is unknown', async () => {
      expect((await subject.host.read('/proc/self/status', {}, never())).toString()).toMatch(/^Name:\t/);
    });

    conforms('read fifo', 'costs a bounded wait', async () => {
      const path = `${subject.directory}/fifo`;
      await run('mkfifo', path);
      await rejects(subject.host.read(path, { timeoutMs: 300 }, never()), 'command-timeout');
    });

    conforms('write', 'replaces a file as a whole, with the mode asked for', async () => {
      const { host, directory } = subject;
      const path = `${directory}/written`;
      await host.write(path, Buffer.from('old'), {}, never());
      expect(await run('stat', '-c', '%a', path)).toBe('600\n');
      await run('ln', path, `${directory}/other-name`);
      await host.write(path, randomBytes(300_000), { mode: 0o644 }, never());
      expect(await run('stat', '-c', '%a %s', path)).toBe('644 300000\n');
      expect((await host.read(`${directory}/other-name`, {}, never())).toString()).toBe('old');
    });

    conforms('write failing', 'leaves what was there, and no temporary file', async () => {
      const { host, directory } = subject;
      const path = `${directory}/occupied`;
      await run('mkdir', path);
      await host.write(`${path}/inside`, Buffer.from('old'), {}, never());
      await expect(host.write(path, Buffer.from('new'), {}, never())).rejects.toBeInstanceOf(LifeboatError);
      expect((await host.read(`${path}/inside`, {}, never())).toString()).toBe('old');
      expect(await run('sh', '-c', 'ls -A "$1" | grep occupied', 'sh', directory)).toBe('occupied\n');
      await rejects(host.write(`${directory}/absent/file`, Buffer.of(), {}, never()), 'not-found');
    });
  });
}

/** Waits for a rejection with that code, and gives the error. */
async function rejects(work: Promise<unknown>, code: ErrorCode): Promise<LifeboatError> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof LifeboatError)) throw error;
    expect(error.code, error.message).toBe(code);
    return error;
  }
  throw new Error(`expected ${code}, but nothing failed`);
}

async function collect(stdout: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stdout) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* iterate(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** The first value that is neither `undefined` nor `false`. */
async function until<T>(look: () => Promise<T | undefined> | T | undefined | false): Promise<T> {
  for (let tries = 0; tries < 500; tries += 1) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await delay(20);
  }
  throw new Error('waited in vain');
}

async function readPid(host: Host, path: string): Promise<number | undefined> {
  const { stdout } = await host.run(['cat', path], { okCodes: [0, 1] }, new AbortController().signal);
  return Number(stdout.toString()) || undefined;
}
