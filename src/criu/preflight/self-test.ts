/** A small process with a TCP connection and a timer, dumped and restored: what says of a host that it works. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localHost } from '../../host/local.ts';
import type { Argv } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { limited, sleep, throwIfAborted } from '../../kernel/wait.ts';
import { nativeProgram } from '../../native/addon.ts';
import type { CriuCommand } from '../options.ts';
import { signalIfThere } from '../processes.ts';
import { CriuSession } from '../session.ts';

/** Where CRIU is tried. */
export interface Place {
  /** Begins commands that are to run elsewhere, such as in other namespaces; empty for here. */
  readonly enter: readonly string[];
  /** @default `criu` */
  readonly command?: CriuCommand;
  /** Has the same path here and there. @default that for temporary files */
  readonly directory?: string;
}

export interface SelfTest {
  readonly dumpMs: number;
  readonly restoreMs: number;
}

/** Each of dump and restore takes a tenth of a second. */
const partMs = 10_000;
const tickMs = 5;

/**
 * All of it happens in a network of its own and in a temporary directory.
 *
 * @throws LifeboatError `criu-failed` with the cause, `criu-timeout`, `permission-denied` without the right, `native-missing`
 */
export async function selfTest(place: Place, signal: AbortSignal): Promise<SelfTest> {
  await using stack = new AsyncDisposableStack();
  const host = stack.use(localHost());
  const directory = await mkdtemp(join(place.directory ?? tmpdir(), 'lifeboat-criu-test-'));
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  const probe = nativeProgram('criu-probe');
  const ending = new AbortController();
  const until = AbortSignal.any([signal, ending.signal]);
  const holder = host.stream(argv([...place.enter, probe, 'hold']), { stdin: untilAborted(ending.signal) }, signal);
  const lines = holder.stdout[Symbol.asyncIterator]();
  stack.defer(async () => {
    ending.abort();
    await lines.return?.();
    // Ended by us: how does not matter.
    await holder.finished.catch(() => undefined);
  });
  const { value: first, done: isOver } = await lines.next();
  if (isOver === true) {
    throw new LifeboatError('permission-denied', 'no network of its own can be made for the test', {
      hint: 'Run as root, outside of a container.',
    });
  }
  const net = ['nsenter', `--net=/proc/${Number(Buffer.from(first).toString())}/ns/net`];
  const counter = join(directory, 'counter');
  // Ours to be waited for: a dead process keeps its number until then, and init may be one that waits for none.
  const working = host.stream(argv([...place.enter, ...net, probe, 'work', counter]), {}, until);
  stack.defer(async () => {
    ending.abort();
    // As the one above.
    await working.finished.catch(() => undefined);
  });
  await countsOn(counter, signal);
  const pid = Number((await readFile(counter)).readBigUInt64LE(8));
  const [program = 'criu', ...rest] = [...place.enter, ...net, ...(place.command ?? ['criu'])];
  const command: CriuCommand = [program, ...rest];
  const images = { imagesDir: directory, tcpEstablished: true };
  const began = performance.now();
  {
    await using session = new CriuSession({ command, limits: { requestMs: partMs } });
    await session.dump({ pid, ...images }, {}, signal);
  }
  const dumped = performance.now();
  for await (const _ of working.stdout);
  await working.finished;
  await using session = new CriuSession({ command, limits: { requestMs: partMs } });
  const restored = await session.restore({ restoreSibling: true, ...images }, {}, signal);
  const done = performance.now();
  try {
    await countsOn(counter, signal);
  } finally {
    signalIfThere(restored.pid, 'SIGKILL');
    await restored.ended;
  }
  return { dumpMs: Math.round(dumped - began), restoreMs: Math.round(done - dumped) };
}

function argv([program = '', ...args]: readonly string[]): Argv {
  return [program, ...args];
}

/** Nothing, for as long as it is to last. */
async function* untilAborted(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  yield Buffer.alloc(0);
}

/** Waits until the process has received what it sent itself, two times more. */
async function countsOn(counter: string, signal: AbortSignal): Promise<void> {
  const stands = () =>
    new LifeboatError(
      'criu-failed',
      'the process of the test does not go on: its timer or its connection stands still',
    );
  using limit = limited(signal, partMs, stands);
  const before = await countIn(counter);
  while ((await countIn(counter)) < before + 2n) {
    throwIfAborted(limit.signal);
    await sleep(tickMs, limit.signal);
  }
}

async function countIn(counter: string): Promise<bigint> {
  const bytes = await readFile(counter).catch(() => Buffer.alloc(0));
  return bytes.length < 8 ? 0n : bytes.readBigUInt64LE(0);
}
