/**
 * Whether checkpoints will work on this host: tried, as CRIU's own check says "Looks good" of combinations on which every dump fails.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host } from '../../host/host.ts';
import { localHost } from '../../host/local.ts';
import { asLifeboatError, LifeboatError } from '../../kernel/errors.ts';
import { present } from '../../kernel/present.ts';
import { limited, raceAbort } from '../../kernel/wait.ts';
import type { CriuCommand } from '../options.ts';
import { CriuSession } from '../session.ts';
import { cgroupFinding, featureFindings, pipeFinding, ptraceFinding, versionFinding, type Finding } from './kernel.ts';
import { selfTest, type Place } from './self-test.ts';

/** All of it takes half a second; a host on which it takes longer has something to tell. */
const wholeMs = 30_000;
const questionMs = 10_000;

/**
 * @throws LifeboatError `tool-missing` without CRIU, `native-missing`, `interrupted`
 */
export async function preflight(place: Place, signal: AbortSignal): Promise<readonly Finding[]> {
  const tooLong = () => new LifeboatError('criu-timeout', `CRIU was not tried to the end within ${wholeMs / 1000} s`);
  using limit = limited(signal, wholeMs, tooLong);
  await using host = localHost();
  const { signal: within } = limit;
  const findings: Finding[] = [];
  findings.push(...(await questions(place, host, within)));
  findings.push(await trial('cpu', 'the processor is known', async () => await cpuKnown(place, within), signal));
  findings.push(...(await settings(host, within)));
  findings.push(await tools(place, host, within));
  const tested = async (): Promise<string> => {
    const { dumpMs, restoreMs } = await selfTest(place, within);
    return `a process with a TCP connection and a timer was dumped in ${dumpMs} ms and restored in ${restoreMs} ms`;
  };
  findings.push(await trial('trial', undefined, tested, signal));
  return findings;
}

/** `ok` with what it says, or what it failed with. */
async function trial(
  subject: string,
  text: string | undefined,
  work: () => Promise<string | undefined>,
  signal: AbortSignal,
): Promise<Finding> {
  try {
    const said = await work();
    return { subject, state: 'ok', text: said ?? text ?? '' };
  } catch (error) {
    signal.throwIfAborted();
    const { message, hint } = asLifeboatError(error);
    return { subject, state: 'missing', text: message, ...present({ next: hint }) };
  }
}

/** CRIU there. */
function commandOf({ enter, command = ['criu'] }: Place): CriuCommand {
  return argvOf([...enter, ...command]);
}

function argvOf([program = 'criu', ...args]: readonly string[]): [string, ...string[]] {
  return [program, ...args];
}

async function questions(place: Place, host: Host, signal: AbortSignal): Promise<readonly Finding[]> {
  const command = commandOf(place);
  await using session = new CriuSession({ command, limits: { requestMs: questionMs } });
  const version = versionFinding(await session.version(signal), release());
  const ask = argvOf([...command, 'check', '--feature', 'pagemap_scan']);
  const checked = await host.run(ask, { okCodes: [0, 1], timeoutMs: questionMs }, signal);
  const said = `${checked.stdout.toString()}${checked.stderr}`;
  const pagemapScan = said.includes('Unknown feature') ? undefined : checked.code === 0;
  return [version, ...featureFindings(await session.features(signal), pagemapScan)];
}

async function cpuKnown(place: Place, signal: AbortSignal): Promise<undefined> {
  const directory = await mkdtemp(join(place.directory ?? tmpdir(), 'lifeboat-criu-cpu-'));
  try {
    await using session = new CriuSession({ command: commandOf(place), limits: { requestMs: questionMs } });
    await raceAbort(session.cpuInfoDump({ imagesDir: directory }, signal), signal);
    await session.cpuInfoCheck({ imagesDir: directory }, signal);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function settings(host: Host, signal: AbortSignal): Promise<readonly Finding[]> {
  const read = async (path: string): Promise<string | undefined> => {
    try {
      return (await host.read(path, {}, signal)).toString();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof LifeboatError && ['not-found', 'permission-denied'].includes(error.code)) return undefined;
      throw error;
    }
  };
  const pipes = await read('/proc/sys/fs/pipe-max-size');
  const status = (await read('/proc/self/status')) ?? '';
  const yama = await read('/proc/sys/kernel/yama/ptrace_scope');
  return [
    cgroupFinding((await read('/proc/self/mountinfo')) ?? ''),
    pipeFinding(Number(pipes), hasResourceCapability(status)),
    ptraceFinding(yama === undefined ? undefined : Number(yama)),
  ];
}

/** CAP_SYS_RESOURCE, which may exceed such limits. @param status of /proc/self/status */
function hasResourceCapability(status: string): boolean {
  const effective = /^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
}

/** Programs that CRIU starts for trees with a network of their own. */
async function tools({ enter, command = ['criu'] }: Place, host: Host, signal: AbortSignal): Promise<Finding> {
  const missing: string[] = [];
  // With the PATH that CRIU has there.
  const before = [...enter, ...command.slice(0, -1)];
  for (const tool of ['iptables-save', 'iptables-restore', 'ip']) {
    try {
      await host.run(
        argvOf([...before, tool, '--version']),
        { timeoutMs: questionMs, okCodes: [0, 1, 2, 255] },
        signal,
      );
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof LifeboatError)) throw error;
      missing.push(tool);
    }
  }
  if (missing.length === 0) return { subject: 'tools', state: 'ok', text: 'ip and iptables are here' };
  return {
    subject: 'tools',
    state: 'limited',
    text: `missing: ${missing.join(', ')}; containers with a network of their own cannot be checkpointed`,
    next: 'apt-get install iptables iproute2',
  };
}
