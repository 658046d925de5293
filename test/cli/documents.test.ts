/** `layout`, `network`, `facts`: capture, show, diff; `check`; `points coverage`: through the real command line. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sandbox } from '../helpers/cli.ts';
import { machineWithDisks } from '../helpers/machines.ts';
import { editCaptures } from '../helpers/records.ts';
import { recordedHost } from '../../src/host/recorded.ts';
import { captureLayout } from '../../src/layout/capture.ts';

const kinds = ['layout', 'network', 'facts'] as const;

describe.each(kinds)('%s', (name) => {
  test('capture writes a document that show and diff read; nothing has changed since', async () => {
    await using box = await sandbox({ bare: true });
    const file = join(box.base, 'capture.json');
    const captured = await box.ask(name, 'capture', '--output', file);
    // 4 where the host cannot be seen as a whole.
    expect(captured.code).toBe(Array.isArray(captured.json['gaps']) && captured.json['gaps'].length > 0 ? 4 : 0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const onStdout = await box.run(name, 'capture');
    const document = JSON.parse(readFileSync(file, 'utf8'));
    expect(onStdout.json).toMatchObject({ format: `lifeboat.${name}/1` });
    expect(document.format).toBe(`lifeboat.${name}/1`);
    expect((await box.ask(name, 'show', file)).json).toEqual(document);
    expect(await box.run(name, 'show', file)).toMatchObject({ code: 0, stderr: '' });
    const same = await box.run(name, 'diff', file, file);
    expect(same).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing has changed') });
    expect((await box.run(name, 'diff', file, 'host')).stdout).not.toContain('A recovery would fail');
    expect(existsSync(box.state)).toBe(false);
  });

  test('a file that is no such document, a newer one, and none at all', async () => {
    await using box = await sandbox({ bare: true });
    const file = join(box.base, 'x.json');
    expect(await box.run(name, 'show', file)).toMatchObject({ code: 1, stderr: expect.stringContaining(file) });
    writeFileSync(file, '{"format": ');
    expect(await box.run(name, 'show', file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is not JSON'),
    });
    writeFileSync(file, JSON.stringify({ format: `lifeboat.${name}/2` }));
    expect(await box.run(name, 'show', file)).toMatchObject({ code: 1, stderr: expect.stringMatching(/newer than/) });
    writeFileSync(file, JSON.stringify({ format: 'lifeboat.point/1' }));
    expect(await box.run(name, 'diff', file)).toMatchObject({ code: 1, stderr: expect.stringMatching(/is not a/) });
  });
});

test('layout diff: grouped by risk, as text and as a document, exit 3', async ({ signal }) => {
  await using box = await sandbox({ bare: true });
  const layout = await captureLayout(recordedHost(machineWithDisks('debian12')), new Date(), signal);
  const before = join(box.base, 'before.json');
  const after = join(box.base, 'after.json');
  writeFileSync(before, JSON.stringify(layout));
  const components = layout.components.flatMap((one) =>
    one.kind === 'swap' && one.label === 'swap ä'
      ? []
      : [one.kind === 'disk' && one.device === '/dev/sda' ? { ...one, sizeBytes: one.sizeBytes / 2 } : one],
  );
  writeFileSync(after, JSON.stringify({ ...layout, components }));
  const text = await box.run('layout', 'diff', before, after);
  expect(text).toMatchObject({ code: 3, stderr: '' });
  const lines = text.stdout.split('\n');
  expect(lines[0]).toBe('A recovery would fail:');
  expect(lines[1]).toMatch(/^ {2}changed: disk \/dev\/sda {2}2\.0 GiB.*: size was 4\.0 GiB .*, is 2\.0 GiB/);
  expect(lines[2]).toBe('A recovery would only look different:');
  expect(lines[3]).toMatch(/^ {2}removed: swap {2}"swap ä"/);
  const { code, json } = await box.ask('layout', 'diff', before, after);
  expect(code).toBe(3);
  expect(json).toMatchObject({
    format: 'lifeboat.changes/1',
    of: 'layout',
    changes: [
      { change: 'removed', risk: 'appearance' },
      { change: 'changed', attribute: 'sizeBytes', risk: 'recovery' },
    ],
  });
});

test('layout show --svg is a picture', async () => {
  await using box = await sandbox({ bare: true });
  const { code, stdout } = await box.run('layout', 'show', '--svg');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^(<\?xml[^>]*>\s*)?<svg /);
  expect(await box.run('network', 'show', '--svg')).toMatchObject({ code: 2 });
});

describe('check', () => {
  test('without a point it says so; with one, whether the host has drifted, and why', async () => {
    await using box = await sandbox();
    expect(await box.run('check')).toMatchObject({ code: 1, stderr: expect.stringContaining('no point of box') });
    expect(await box.ask('backup')).toMatchObject({ code: 0 });
    const same = await box.ask('check');
    expect(same.json).toMatchObject({ format: 'lifeboat.check/1', drifted: false, layout: [], network: [], facts: [] });
    expect(same.code).toBe(0);
    // Nothing to say: cron sends no mail.
    expect(await box.run('--quiet', 'check')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const id = await latest(box);
    editCaptures(box, id, (json) => {
      const captures = JSON.parse(json);
      for (const one of captures.layout.components) if (one.kind === 'disk') one.sizeBytes *= 2;
      captures.network.hostname = 'another';
      return JSON.stringify(captures);
    });
    const drifted = await box.run('check');
    expect(drifted.code).toBe(3);
    expect(drifted.stdout).toMatch(/changed since point/);
    expect(drifted.stdout).toContain('A recovery would fail:');
    expect(drifted.stdout).toContain('another');
    expect((await box.run('--quiet', 'check')).stdout).toContain('A recovery would fail:');
  });
});

describe('points coverage', () => {
  test('before there is a point, and after', async () => {
    await using box = await sandbox();
    const none = await box.ask('points', 'coverage');
    expect(none).toMatchObject({ code: 0, json: { format: 'lifeboat.coverage/1' } });
    expect(none.json).not.toHaveProperty('point');
    expect(await box.run('points', 'coverage', 'nothing')).toMatchObject({ code: 1 });
    await box.ask('backup');
    const id = await latest(box);
    const { json } = await box.ask('points', 'coverage');
    expect(json).toMatchObject({ point: { id, trust: 'read-back', ageSeconds: expect.any(Number) } });
    expect(json['items']).toContainEqual(expect.objectContaining({ kind: 'mount', state: 'partly', point: id }));
    const text = await box.run('points', 'coverage');
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toMatch(/^By point \S+, .* old/);
  });
});

async function latest(box: {
  ask(...args: string[]): Promise<{ json: { points?: readonly { id: string }[] } }>;
}): Promise<string> {
  const { json } = await box.ask('points', 'list');
  return json.points?.at(-1)?.id ?? '';
}

describe('--output', () => {
  test('a link is followed, a pipe and a device are written to and stay what they are', async () => {
    await using box = await sandbox({ bare: true });
    const at = (name: string) => join(box.base, name);
    writeFileSync(at('target.json'), 'old');
    symlinkSync(at('target.json'), at('link.json'));
    await box.ask('facts', 'capture', '--output', at('link.json'));
    expect(lstatSync(at('link.json')).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(at('target.json'), 'utf8'))).toMatchObject({ format: 'lifeboat.facts/1' });
    execFileSync('mkfifo', [at('pipe')]);
    const reader = spawn('cat', [at('pipe')], { stdio: ['ignore', 'pipe', 'inherit'] });
    let piped = '';
    reader.stdout.setEncoding('utf8').on('data', (text: string) => (piped += text));
    const closed = new Promise((resolve) => reader.once('close', resolve));
    await box.ask('facts', 'capture', '--output', at('pipe'));
    await closed;
    expect(JSON.parse(piped)).toMatchObject({ format: 'lifeboat.facts/1' });
    expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
    expect(await box.run('facts', 'capture', '--output', box.base)).toMatchObject({ code: 2 });
    expect(await box.run('facts', 'capture', '--output', at('no/such/place'))).toMatchObject({ code: 1 });
  });

  test('with --dry-run nothing is written', async () => {
    await using box = await sandbox({ bare: true });
    const file = join(box.base, 'x.json');
    expect(await box.run('--dry-run', 'facts', 'capture', '--output', file)).toMatchObject({ code: 0 });
    expect(existsSync(file)).toBe(false);
  });
});

test('a name that is neither a point nor a file', async () => {
  await using box = await sandbox();
  expect((await box.run('layout', 'diff', 'nofile')).stderr).toMatch(
    /no point of box is "nofile", and there is no such file/,
  );
});
