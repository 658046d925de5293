/**
 * Limits as the kernel enforces them: those of version 2, translated to version 1, in cgroups of their own. Measured is processor time that the kernel
 * itself counts, of two that want all of one processor, so that neither the load of the machine nor the length of the run is in the ratio.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sleep } from '../../src/kernel/wait.ts';
import { limitsFor } from '../../src/runtime/cgroup/translate.ts';
import type { LimitsV2 } from '../../src/runtime/model/limits.ts';
import { isRoot } from '../helpers/cli.ts';

const controllers = ['cpu', 'cpuacct', 'cpuset', 'memory'];
const missing = controllers.filter((name) => !existsSync(`/sys/fs/cgroup/${name}/cgroup.procs`));
const obstacle = isRoot
  ? missing.length > 0
    ? `no cgroups of version 1 for ${missing.join(', ')}`
    : ''
  : 'needs root';
const why = obstacle === '' ? '' : ` (skipped: ${obstacle})`;

/** A cgroup in each hierarchy, and what runs in it. */
class Group implements AsyncDisposable {
  readonly #name: string;
  readonly #running: ChildProcess[] = [];

  constructor(name: string) {
    this.#name = `lifeboat-test-${process.pid}-${name}`;
    for (const controller of controllers) mkdirSync(this.#path(controller));
    for (const file of ['cpuset.cpus', 'cpuset.mems'])
      this.write('cpuset', file, readFileSync(`/sys/fs/cgroup/cpuset/${file}`, 'utf8').trim());
  }

  #path(controller: string, file = ''): string {
    return join('/sys/fs/cgroup', controller, this.#name, file);
  }

  write(controller: string, file: string, value: string | number): void {
    writeFileSync(this.#path(controller, file), String(value));
  }

  read(controller: string, file: string): number {
    return Number(readFileSync(this.#path(controller, file), 'utf8'));
  }

  /** Runs a script whose shell has entered the cgroups before it begins. */
  run(script: string): ChildProcess {
    const entering = controllers.map((controller) => `echo $$ > ${this.#path(controller, 'cgroup.procs')}`);
    const child = spawn('sh', ['-c', `${entering.join(' && ')} && ${script}`], { stdio: 'ignore' });
    this.#running.push(child);
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#running) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    // What the shell had started may outlive it for a moment, as where it is the shell that the kernel kills.
    const isUsed = (controller: string): boolean => readFileSync(this.#path(controller, 'cgroup.procs'), 'utf8') !== '';
    while (controllers.some(isUsed)) await sleep(20, new AbortController().signal);
    for (const controller of controllers) rmdirSync(this.#path(controller));
  }
}

const translated = (limits: Omit<LimitsV2, 'version'>) => limitsFor({ version: 2, ...limits }, 1).limits;

describe.skipIf(obstacle !== '')(`limits in force${why}`, () => {
  test('two that want all of a processor share it as 25 to 75', async ({ signal }) => {
    await using small = new Group('small');
    await using large = new Group('large');
    const cpu = /^\d+/.exec(readFileSync('/sys/fs/cgroup/cpuset/cpuset.cpus', 'utf8'))?.[0] ?? '0';
    for (const [group, weight] of [
      [small, 25],
      [large, 75],
    ] as const) {
      group.write('cpu', 'cpu.shares', translated({ cpu: { weight } }).cpu?.shares ?? 0);
      group.write('cpuset', 'cpuset.cpus', cpu);
    }
    for (const group of [small, large]) group.run('while :; do :; done');
    const used = (): number[] => [small, large].map((group) => group.read('cpuacct', 'cpuacct.usage'));
    await sleep(300, signal);
    const before = used();
    await sleep(2_500, signal);
    const [few = 0, many = 0] = used().map((value, index) => value - (before[index] ?? 0));
    expect(few).toBeGreaterThan(0);
    expect(many / few).toBeGreaterThan(2);
    expect(many / few).toBeLessThan(4.5);
  }, 60_000);

  test('nothing gets more memory than it is allowed', async () => {
    await using group = new Group('memory');
    const allowed = 33_554_432;
    group.write(
      'memory',
      'memory.limit_in_bytes',
      translated({ memory: { maxBytes: allowed } }).memory?.limitBytes ?? 0,
    );
    // All that has no end of line is kept in memory.
    const child = group.run('head -c 134217728 /dev/zero | tail -n 1');
    await once(child, 'exit');
    expect(group.read('memory', 'memory.failcnt')).toBeGreaterThan(0);
    const most = group.read('memory', 'memory.max_usage_in_bytes');
    expect(most).toBeGreaterThan(allowed / 2);
    expect(most).toBeLessThanOrEqual(allowed);
  }, 60_000);
});
