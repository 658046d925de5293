import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { localHost } from '../host/local.ts';
import { noSecrets, Secret } from '../kernel/secret.ts';
import { mailMessage } from './mail.ts';
import { type Notice, noticeDocument, noticeSubject, noticeText } from './notice.ts';
import { metricsText } from './prometheus.ts';
import { sendNotice } from './send.ts';
import { type Status, statusSchema } from './status.ts';
import { postWebhook } from './webhook.ts';

const never = new AbortController().signal;

const failed: Notice = {
  format: 'lifeboat.notice/1',
  event: 'failed',
  host: 'web1',
  at: '2026-06-10T02:00:00.000Z',
  job: 'backup',
  run: '20260610T020000Z-abcdef',
  error: { code: 'no-space', message: 'the disk is full', hint: 'Free some space there.' },
  findings: [],
  drift: [],
  newestVerified: { id: '20260609T020000Z-abcdef', ageSeconds: 86_400 },
  next: 'See lifeboat runs show 20260610T020000Z-abcdef.',
  unsent: [],
};

async function listening(answer: RequestListener, tls?: { key: string; cert: string }): Promise<string> {
  const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${address.port}`;
}

test('a notice says host, what failed, error, hint, run, the newest verified point and the next step', () => {
  expect(noticeSubject(failed)).toBe('lifeboat on web1: backup failed: the disk is full');
  expect(noticeText(failed).split('\n')).toEqual([
    'Host: web1',
    'Time: 2026-06-10T02:00:00.000Z',
    'Job: backup',
    'Run: 20260610T020000Z-abcdef',
    'Error: the disk is full',
    '  next: Free some space there.',
    'Newest verified point: 20260609T020000Z-abcdef, 1 d 0 h old',
    '',
    'Next: See lifeboat runs show 20260610T020000Z-abcdef.',
  ]);
});

test('silence is told with how long it lasts, and that there is no point at all', () => {
  const { job: _job, error: _error, ...rest } = failed;
  const silent: Notice = { ...rest, event: 'silent', rpoSeconds: 93_600 };
  expect(noticeSubject(silent)).toBe('lifeboat on web1: no verified point for 1 d 0 h, the target is 1 d 2 h');
  expect(noticeSubject({ ...silent, newestVerified: null })).toContain('no verified point at all');
  expect(noticeText({ ...silent, newestVerified: null })).toContain('nothing here is known to be recoverable');
});

test('no secret and nothing that steers a terminal is in a notice', () => {
  const secret = new Secret('canary-0815');
  const notice: Notice = {
    ...failed,
    error: { code: 'failed', message: `sftp://u:${secret.reveal()}@h/x \u001b[2J` },
    drift: Array.from({ length: 30 }, (_, n) => `change ${n}`),
  };
  expect(noticeDocument(notice)).not.toContain(secret.reveal());
  expect(noticeText(notice)).not.toContain('\u001b');
  expect(noticeText(notice)).toContain('… and 20 more');
});

test('mail: no line of a subject becomes a header, and every text survives', () => {
  const message = mailMessage({
    to: ['root', 'ops@example.org'],
    from: 'lifeboat@web1',
    subject: 'broken\r\nBcc: all@example.org',
    text: 'Grüße\n.\nend',
  });
  const [head = '', ...body] = message.split('\n\n');
  expect(head.split('\n')).toEqual([
    'From: lifeboat@web1',
    'To: root, ops@example.org',
    'Subject: broken Bcc: all@example.org',
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
  ]);
  expect(Buffer.from(body.join(''), 'base64').toString('utf8')).toBe('Grüße\n.\nend\n');
});

test('mail: a subject that is not ASCII is in encoded words that any reader puts together', () => {
  const subject = `Sicherung für ${'Müller 日本 '.repeat(12)}fehlgeschlagen`;
  const message = mailMessage({ to: ['root'], subject, text: '' });
  const lines = /Subject: ((?:.*\n )*.*)\n/.exec(message)?.[1]?.split('\n ') ?? [];
  expect(lines.length).toBeGreaterThan(2);
  for (const line of lines) expect(line).toMatch(/^=\?utf-8\?B\?[A-Za-z0-9+/=]{1,64}\?=$/);
  const words = lines.map((line) => Buffer.from(line.slice(10, -2), 'base64').toString('utf8'));
  expect(words.join('')).toBe(subject);
});

test('webhook: the document arrives; a server that fails for a moment is asked again', async () => {
  const seen: { body: string; type: string | undefined }[] = [];
  const url = await listening((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      seen.push({ body, type: request.headers['content-type'] });
      response.writeHead(seen.length === 1 ? 503 : 204).end();
    });
  });
  await postWebhook(`${url}/hook`, noticeDocument(failed), never);
  expect(seen).toHaveLength(2);
  expect(seen[1]?.type).toBe('application/json');
  expect(JSON.parse(seen[1]?.body ?? '')).toMatchObject({
    event: 'failed',
    host: 'web1',
    text: expect.stringContaining('disk is full'),
  });
});

test.each([
  [404, undefined, 'answered with status 404'],
  [302, 'http://127.0.0.1:9/elsewhere', 'answered with status 302'],
])(
  'webhook: status %d is an error at once, without the path, which may be secret',
  async (status, location, message) => {
    let asked = 0;
    const url = await listening((_request, response) => {
      asked += 1;
      response.writeHead(status, location === undefined ? {} : { location }).end();
    });
    const error = await postWebhook(`${url}/T000/canary`, '{}', never).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringContaining(message), hint: expect.any(String) });
    expect(JSON.stringify(error)).not.toContain('canary');
    expect(asked).toBe(1);
  },
);

test('webhook: a user in the URL goes into a header, and into no message', async () => {
  const seen: (string | undefined)[] = [];
  const url = await listening((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(401).end();
  });
  const withUser = `${url.replace('//', '//me:s%40fe@')}/T000/canary`;
  const error = await postWebhook(withUser, '{}', never).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ message: expect.stringMatching(/answered with status 401/) });
  expect(seen).toEqual([`Basic ${Buffer.from('me:s@fe').toString('base64')}`]);
});

test('webhook: nobody there, and a certificate that nobody vouches for, are said as such', async ({ skip }) => {
  const closed = await postWebhook('http://127.0.0.1:9/x', '{}', never).catch((thrown: unknown) => thrown);
  expect(closed).toMatchObject({ code: 'unreachable', message: expect.stringContaining('cannot be reached') });
  await using directory = await temporaryDirectory();
  const [key, cert] = [join(directory.path, 'key'), join(directory.path, 'cert')];
  try {
    const request = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=127.0.0.1',
    ];
    execFileSync('openssl', [...request, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  } catch {
    skip('no openssl to make a certificate with');
  }
  const tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  const url = await listening((_request, response) => response.end(), tls);
  const error = await postWebhook(url, '{}', never).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining('is not trusted'),
    hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
  });
});

test('one channel that fails does not keep the others from it', async () => {
  await using directory = await temporaryDirectory();
  await using host = localHost();
  const hooks = join(directory.path, 'notify');
  mkdirSync(hooks);
  const dropIn = (name: string, text: string, mode = 0o755) =>
    writeFileSync(join(hooks, name), `#!/bin/sh\n${text}\n`, { mode });
  dropIn('10-bad', 'echo "no such pager" >&2; exit 3');
  dropIn('20-good', `cat > ${directory.path}/seen; echo "$LIFEBOAT_EVENT" > ${directory.path}/event`);
  dropIn('30-open', 'true');
  execFileSync('chmod', ['777', join(hooks, '30-open')]);
  symlinkSync('/nonexistent/pager', join(hooks, '40-gone'));
  dropIn('.hidden', `touch ${directory.path}/hidden`);
  const deliveries = await sendNotice(
    { host, notify: { webhook: 'secret' }, secrets: noSecrets, hooksDir: directory.path },
    failed,
    never,
  );
  expect(deliveries.map(({ channel, error }) => [channel.split('/').at(-1), error?.code])).toEqual([
    ['webhook', 'config-invalid'],
    ['10-bad', 'command-failed'],
    ['20-good', undefined],
    ['30-open', 'untrusted'],
    ['40-gone', 'untrusted'],
  ]);
  expect(deliveries[1]?.error?.message).toContain('no such pager');
  expect(JSON.parse(readFileSync(join(directory.path, 'seen'), 'utf8'))).toMatchObject({
    event: 'failed',
    run: failed.run,
  });
  expect(readFileSync(join(directory.path, 'event'), 'utf8')).toBe('failed\n');
  expect(() => readFileSync(join(directory.path, 'hidden'))).toThrow('ENOENT');
});

const status: Status = statusSchema.parse({
  format: 'lifeboat.status/1',
  host: 'we"b\\1',
  at: '2026-06-10T02:00:00.000Z',
  repository: 'file:///r',
  green: false,
  lastDrill: null,
  recovery: 'unproven',
  jobs: [{ name: 'backup', cron: '@daily', timeZone: 'UTC', next: '2026-06-11T00:00:00.000Z' }],
  unfinishedRuns: [],
  findings: [{ subject: 'x', problem: 'y' }],
});

test('metrics: what is not known has no sample, and labels are escaped', () => {
  const text = metricsText(status);
  for (const line of text.trimEnd().split('\n')) {
    expect(line).toMatch(
      /^(# (HELP|TYPE) lifeboat_[a-z_]+ .+|lifeboat_[a-z_]+\{host="we\\"b\\\\1"(,job="backup")?\} [\d.]+)$/,
    );
  }
  expect(text).toContain('lifeboat_green{host="we\\"b\\\\1"} 0\n');
  expect(text).toContain('lifeboat_job_next_run_timestamp_seconds{host="we\\"b\\\\1",job="backup"} 1781136000\n');
  expect(text).not.toContain('newest');
  expect(text).not.toContain('last_end');
});

test('metrics of drills: when, whether it passed, and what was measured', () => {
  const drill = {
    point: 'p',
    at: '2026-06-09T03:00:00.000Z',
    ageSeconds: 82_800,
    how: 'drill',
    what: 'machine',
    result: 'failed',
    problem: 'no login',
    rtoSeconds: 600,
    rpoSeconds: 7200,
  } as const;
  const passed = { ...drill, at: '2026-06-01T03:00:00.000Z', result: 'passed', rtoSeconds: 252 } as const;
  const targets = { drill: { targetSeconds: 604_800, met: false }, rto: { targetSeconds: 900, met: true } };
  const text = metricsText({ ...status, lastDrill: drill, lastPassedDrill: passed, ...targets });
  const value = (name: string) => new RegExp(`^lifeboat_${name}\\{.*\\} (.*)$`, 'm').exec(text)?.[1];
  expect(value('last_drill_timestamp_seconds')).toBe(String(Date.parse(drill.at) / 1000));
  expect(value('last_drill_passed')).toBe('0');
  expect(value('last_passed_drill_timestamp_seconds')).toBe(String(Date.parse(passed.at) / 1000));
  expect(value('measured_rto_seconds')).toBe('252');
  expect(value('measured_rpo_seconds')).toBe('7200');
  expect(value('drill_every_seconds')).toBe('604800');
  expect(value('rto_seconds')).toBe('900');
  // Of files alone nobody knows how long a machine takes.
  const files = { ...passed, what: 'files' } as const;
  const both = metricsText({ ...status, lastDrill: drill, lastFilesDrill: files, lastPassedFilesDrill: files });
  expect(both).not.toContain('measured_rto');
  expect(both).toMatch(/^lifeboat_last_drill_passed\{.*\} 0$/m);
  expect(both).toMatch(/^lifeboat_last_files_drill_passed\{.*\} 1$/m);
  expect(metricsText(status)).not.toContain('drill');
});

test('a notice that no drill has passed says for how long, and how long it may be', () => {
  const { job: _job, error: _error, ...rest } = failed;
  const undrilled = { ...rest, event: 'undrilled', drill: { everySeconds: 604_800, ageSeconds: 864_000 } } as const;
  expect(noticeSubject(undrilled)).toBe('lifeboat on web1: no drill has passed for 10 d 0 h, the target is 7 d 0 h');
  expect(noticeSubject({ ...undrilled, drill: { everySeconds: 604_800, ageSeconds: null } })).toBe(
    'lifeboat on web1: no drill has passed at all, the target is 7 d 0 h',
  );
});
