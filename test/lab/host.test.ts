/** A virtual machine is a host like any other; what its port does besides, when who is at either end comes and goes. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../../src/host/host.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { describeHost } from '../conformance/host.ts';
import { startLab } from './lab.ts';

const { signal } = new AbortController();
const limitMs = 60_000;

describeHost('virtual machine', {
  async open() {
    await using stack = new AsyncDisposableStack();
    const { host } = stack.use(await startLab({}, signal));
    const { stdout } = await host.run(['mktemp', '-d'], {}, signal);
    const owned = stack.move();
    return {
      host,
      directory: stdout.toString().trimEnd(),
      processes: host,
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
});

describe('the port', () => {
  let machine: Machine;
  const stack = new AsyncDisposableStack();
  beforeAll(async () => {
    const lab = stack.use(await startLab({}, signal));
    machine = lab.machine;
    await lab.host[Symbol.asyncDispose]();
  }, 600_000);
  afterAll(() => stack.disposeAsync());
  const shell = async (host: Host, script: string) =>
    (await host.run(['sh', '-c', script], {}, signal)).stdout.toString();

  test('an agent that is killed is followed by another; the commands of the first have failed and are gone', async () => {
    const host = await machine.connect(limitMs, signal);
    const lasting = expect(host.run(['sleep', '4321'], {}, signal)).rejects.toMatchObject({ code: 'unreachable' });
    await expect(shell(host, 'kill -KILL $PPID')).rejects.toMatchObject({ code: 'unreachable' });
    await lasting;
    await host[Symbol.asyncDispose]();
    await using again = await machine.connect(limitMs, signal);
    expect(await shell(again, 'cat /proc/[0-9]*/cmdline | tr "\\0" " "')).not.toContain('sleep 4321');
  });

  test('who leaves in the middle of an input can come back at once, and finds nothing running', async () => {
    for (let round = 0; round < 5; round += 1) {
      const host = await machine.connect(limitMs, signal);
      expect(await shell(host, 'cat /proc/[0-9]*/cmdline | tr "\\0" " "')).not.toContain('dd of=/dev/null');
      const fed = host.run(['dd', 'of=/dev/null', 'bs=64k'], { stdin: endless() }, signal);
      const cut = expect(fed).rejects.toMatchObject({ code: 'unreachable' });
      await delay(50 + 20 * round);
      await host[Symbol.asyncDispose]();
      await cut;
    }
  });

  test('an agent without a host takes no time of the processor', async () => {
    /** Of the processor, in hundredths of a second. */
    const spent = async () => {
      await using host = await machine.connect(limitMs, signal);
      const fields = (await shell(host, 'cat /proc/$PPID/stat')).split(') ')[1]?.split(' ') ?? [];
      return Number(fields[11]) + Number(fields[12]);
    };
    const before = await spent();
    await delay(2_000);
    expect((await spent()) - before).toBeLessThan(50);
  });
});

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield Buffer.alloc(64 * 1024, 'x');
}
