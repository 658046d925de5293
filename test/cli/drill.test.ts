/** `lifeboat drill` as far as it goes without a virtual machine: the files of a point, its report, and what goes on record. */
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { reportSchema } from '../../src/drill/report.ts';
import { backedUp, copiesOf, isRoot, sandbox } from '../helpers/cli.ts';

const stored = copiesOf(async () => await backedUp(await sandbox()));

/** The one archive, or manifest, of the repository. */
function objectOf(repository: string, ending: RegExp): string {
  const [host = ''] = readdirSync(join(repository, 'tar'));
  const name = readdirSync(join(repository, 'tar', host)).find((one) => ending.test(one)) ?? '';
  return join(repository, 'tar', host, name);
}

describe.concurrent('drill --files', () => {
  test('restores all, proves it, leaves nothing but the report, and puts it on record', async () => {
    const box = await stored();
    const page = join(box.base, 'drill.html');
    const { code, json } = await box.ask('drill', '--files', '--output', page);
    expect([code, json]).toMatchObject([0, { result: 'passed', what: 'files', onRecord: true }]);
    const { files, onRecord: _onRecord, ...report } = json;
    const said = reportSchema.parse(report);
    expect(said.recovery?.proof).toMatchObject({ wrong: 0 });
    expect(said.recovery?.proof?.files).toBeGreaterThan(0);
    expect(said.phases.map(({ name }) => name)).toEqual(['restore', 'prove']);
    expect(readdirSync(String(files)).sort()).toEqual(['proof.json', 'report.html', 'report.json']);
    expect(reportSchema.parse(JSON.parse(readFileSync(join(String(files), 'report.json'), 'utf8')))).toEqual(said);
    expect(readFileSync(page, 'utf8')).toBe(readFileSync(join(String(files), 'report.html'), 'utf8'));
    const { json: shown } = await box.ask('points', 'show', 'latest');
    expect(JSON.stringify(shown)).toContain('"how":"drill"');
  });

  test('keeps the files where somebody wants to look at them', async () => {
    const box = await stored();
    const keep = join(box.base, 'kept');
    expect((await box.ask('drill', '--files', '--keep', keep)).code).toBe(0);
    expect(existsSync(join(keep, 'restored', box.source))).toBe(true);
  });

  test('says in one line each what a person wants to know', async () => {
    const box = await stored();
    const { code, stdout } = await box.run('drill', '--files');
    expect(code).toBe(0);
    for (const text of ['the drill passed', 'RTO ', 'RPO ', 'on record with the point', 'report and evidence:']) {
      expect(stdout).toContain(text);
    }
  });

  test('fails for a damaged archive, with a report, and that goes on record', async () => {
    const box = await stored();
    const archive = objectOf(box.repository, /\.tar\.zst/);
    const bytes = readFileSync(archive);
    bytes.fill(0, bytes.length >> 1, (bytes.length >> 1) + 64);
    writeFileSync(archive, bytes);
    const { code, json } = await box.ask('drill', '--files');
    expect([code, json]).toMatchObject([1, { result: 'failed', onRecord: true, error: { code: 'difference' } }]);
    expect(readdirSync(String(json['files']))).toContain('report.html');
    expect(existsSync(join(String(json['files']), 'restored'))).toBe(false);
    const { json: shown } = await box.ask('points', 'show', 'latest');
    expect(JSON.stringify(shown)).toContain('"result":"failed"');
  });

  test('that takes longer than it may is ended, and has failed', async () => {
    const box = await stored();
    appendFileSync(box.config, 'drill: { limit: 1ms }\n');
    const { code, json } = await box.ask('drill', '--files');
    expect([code, json]).toMatchObject([
      1,
      { result: 'failed', problem: expect.stringContaining('did not end within 1 ms') },
    ]);
  });

  test('says what it would do, and does nothing', async () => {
    const box = await stored();
    const { code, json } = await box.ask('drill', '--files', '--dry-run');
    expect([code, json]).toMatchObject([0, { what: 'files', host: expect.any(String), bytes: expect.any(Number) }]);
    expect(existsSync(join(box.state, 'drills'))).toBe(false);
  });

  test('refuses what it is not, before anything is done', async () => {
    const box = await stored();
    expect((await box.ask('drill', '--files', '--point', '20010101T000000Z-aaaaaaaa')).json.error?.code).toBe(
      'not-found',
    );
    expect((await box.ask('drill', '--medium', '/nowhere.iso', '--accelerator', 'tcg')).code).not.toBe(0);
  });
});

test.skipIf(!isRoot)('a backup of a few files writes no canary', async () => {
  const box = await stored();
  expect(existsSync(`${box.state}.canary.json`)).toBe(false);
});
