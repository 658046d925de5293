import { expect, test } from 'vitest';
import { asLifeboatError } from '../kernel/errors.ts';
import { parseConfig } from './load.ts';
import { configTemplate } from './template.ts';

const good = 'repository: file:///mnt/backup\nbackup:\n  include: [/etc]\n';

function problemOf(lines: string): string {
  try {
    parseConfig(good + lines, 'c.yaml');
  } catch (error) {
    return asLifeboatError(error).message;
  }
  throw new Error('the configuration was accepted');
}

test('the examples of the template are valid', () => {
  const text = configTemplate({ repository: 'file:///mnt/b', engine: 'tar', include: ['/'], exclude: [] });
  const at = text.indexOf('# schedule:');
  const own = text.slice(at, text.indexOf('# Steps that are left out'));
  const config = parseConfig(
    text.replace(own, own.replaceAll(/^# (?=schedule|rpo|rto|drill:|notify|recover:| )/gm, '')),
    'c.yaml',
  );
  expect(config.schedule?.backup).toEqual({
    cron: '30 2 * * *',
    timeZone: 'Europe/Berlin',
    randomDelay: '20m',
    timeLimit: '8h',
    catchUp: true,
    retry: { attempts: 3, delay: '5m', maxDelay: '1h' },
    pause: { onBattery: true, pressure: 60, atMost: '4h' },
  });
  expect(config.schedule?.check).toMatchObject({ cron: '*/15 * * * *', catchUp: true });
  expect(config).toMatchObject({ rpo: '26h', rto: '30m', drill: { every: '7d' }, notify: { mail: { to: 'root' } } });
  expect(config.recover).toMatchObject({ consent: 'blank-disks', after: 'reboot' });
});

test('what is left out has its defaults, and nothing is scheduled by itself', () => {
  expect(parseConfig(good, 'c.yaml')).not.toHaveProperty('schedule');
  expect(parseConfig(`${good}schedule:\n  backup: { cron: '@daily' }\n`, 'c.yaml').schedule).toEqual({
    backup: { cron: '@daily', catchUp: true, retry: { attempts: 3, delay: '5m', maxDelay: '1h' } },
  });
});

test.each([
  ['schedule:\n  backup: { cron: "* * * *" }', 'schedule.backup.cron: has 4 fields'],
  ['schedule:\n  backup: { cron: "0 0 2 * * *" }', 'schedule.backup.cron: has 6 fields'],
  ['schedule:\n  backup: { cron: "61 2 * * *" }', 'schedule.backup.cron: is not a cron expression: minute'],
  ['schedule:\n  backup: { cron: "0 2 13 * 5" }', 'names days of the month and of the week'],
  ['schedule:\n  backup: { cron: "@nightly" }', 'is not a cron expression'],
  ['schedule:\n  backup: { cron: "0 2 30 2 *" }', 'is an impossible day of month'],
  ['schedule:\n  backup: { timeZone: UTC }', 'schedule.backup.cron: is missing'],
  ['schedule:\n  backup: { cron: "@daily", timeZone: Berlin }', 'schedule.backup.timeZone: is not a time zone'],
  ['schedule:\n  backup: { cron: "@daily", randomDelay: 20 }', 'schedule.backup.randomDelay: is not text'],
  [
    'schedule:\n  backup: { cron: "@daily", timelimit: 2h }',
    'schedule.backup.timelimit: unknown key; did you mean timeLimit?',
  ],
  ['schedule:\n  backups: { cron: "@daily" }', 'schedule.backups: unknown key; did you mean backup?'],
  ['schedule:\n  backup: { cron: "@daily", retry: { attempts: 0 } }', 'schedule.backup.retry.attempts: is below 1'],
  ['schedule:\n  backup: { cron: "@daily", pause: { pressure: 101 } }', 'pause.pressure: is above 100 percent'],
  ['rpo: tomorrow', 'rpo: is not a duration'],
  ['notify: { webhook: ftp://x/ }', 'notify.webhook: is neither an http(s) URL nor secret'],
  ['notify: { webhook: "https://x/?token=abcd" }', 'notify.webhook: holds a password'],
  ['notify: { mail: { to: "root\\nBcc: all@example.org" } }', 'notify.mail.to: is not a mail address'],
  ['notify: { mail: { to: "-oQ/tmp" } }', 'notify.mail.to: is not a mail address'],
  ['notify: { prometheus: /var/lib/lifeboat.txt }', 'notify.prometheus: does not end in .prom'],
])('refused: %s', (lines, problem) => {
  expect(problemOf(lines)).toContain(problem);
});
