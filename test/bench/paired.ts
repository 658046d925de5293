import { spawnSync } from 'node:child_process';

export interface Pairing extends AsyncDisposable {
  readonly ours: readonly [string, ...string[]];
  readonly peer: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly rounds: number;
  /** Median of the ratios of wall time that is aimed at; absent where nobody set one. */
  readonly target?: number;
  /** Undone after each run, so that every round begins alike. */
  readonly reset?: () => void;
}

/** Wall time in milliseconds of a command that must succeed. */
function time([program, ...args]: readonly [string, ...string[]], env: Pairing['env']): number {
  const start = process.hrtime.bigint();
  const result = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  if (result.status !== 0)
    throw new Error(`${program} ${args.join(' ')}: ${result.error?.message ?? result.stderr.toString()}`);
  return ms;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Runs the two in turn, one warm-up each, and prints medians and the median of the ratios pair by pair. */
export async function paired(name: string, pairing: Pairing): Promise<void> {
  await using bench = pairing;
  const { ours, peer, env, rounds, target, reset } = bench;
  const run = (command: Pairing['ours']) => {
    const ms = time(command, env);
    reset?.();
    return ms;
  };
  run(ours);
  run(peer);
  const pairs = Array.from({ length: rounds }, () => ({ ours: run(ours), peer: run(peer) }));
  const ratio = median(pairs.map((pair) => pair.ours / pair.peer));
  const aim = target === undefined ? '' : ` (aimed at ${target.toFixed(2)} or less)`;
  const milliseconds = (values: readonly number[]) => `${median(values).toFixed(1)} ms`;
  console.log(
    `${name}: ${milliseconds(pairs.map((pair) => pair.ours))} against ${milliseconds(pairs.map((pair) => pair.peer))} ` +
      `(${peer.join(' ')}): ratio ${ratio.toFixed(2)}${aim}, ${rounds} pairs`,
  );
}
