import { expect, test } from 'vitest';
import { redactCommand, redactSetting } from './redact-command.ts';

const pw = 'S3cr3t!x';

/** `@` is the secret, and what takes its place. */
test.each([
  'mysqldump -u root -p@ db',
  "mysqldump --all-databases -p'@' | gzip > /b/a.gz",
  'mysqladmin -u root password @',
  'curl -u me:@ https://x',
  'curl -sSu me:@ https://x',
  'curl -fsS -H "X: a;b" -u me:@ https://x',
  'curl -H "Authorization: Bearer @" https://x',
  "curl -H 'Authorization: Bearer @' https://x",
  "curl -H 'Authorization: Custom @' https://x",
  "curl -H 'X-Api-Key: @' https://x",
  "curl -H 'PRIVATE-TOKEN: @' https://x",
  `curl -d '{"user":"me","password":"@"}' https://x`,
  `curl -d '{"token": "@", "a": 1}' https://x`,
  String.raw`curl -d "{\"user\":\"me\",\"password\":\"@\"}" https://x`,
  "curl -d 'user=me&password=@&x=1' https://x",
  'curl https://hooks.slack.com/services/@',
  'curl -X POST "https://discord.com/api/webhooks/@"',
  'curl https://discordapp.com/api/v10/webhooks/@',
  'curl https://api.telegram.org/bot@/sendMessage',
  'wget -q "https://x/y?a=b&token=@&c=d"',
  'wget -q https://x/y?token=@',
  'curl "https://x/y?key=@"',
  'azcopy sync /a "https://x.blob.core.windows.net/b?sv=1&sig=@"',
  'sshpass -p @ ssh x',
  'sshpass -p@ ssh x',
  'PGPASSWORD=@ pg_dump x',
  "PGPASSWORD='@ x' pg_dump",
  'restic --password-command "echo @" backup /',
  "restic --password-command='printf %s @' backup /",
  "BORG_PASSCOMMAND='echo @' borg create ::x /",
  "RESTIC_PASSWORD_COMMAND='echo @' restic backup /",
  'redis-cli -h x -a @ BGSAVE',
  'sh -c "redis-cli -a @" && date > /x',
  'redis-cli 2>&1 -a @ ping',
  'openssl enc -aes-256-cbc -k @ -in /a',
  'openssl enc -aes-256-cbc -pass pass:@ -in /a',
  'openssl rsa -passin pass:@ -in /a',
  'openssl passwd -6 @',
  'echo @ | sudo -S reboot',
  "echo -n '@ x' | sudo -S -u bob ls",
  'sh -c "echo @ | sudo -S ls"',
  'echo "me:@" | chpasswd',
  'printf @ | cryptsetup open /dev/x y -',
  'echo @ | docker login -u me --password-stdin registry',
  'sudo -S ls <<< @',
  'docker login -u me -p @ registry',
  'ldapsearch -x -D cn=admin -w @ -b dc=x',
  'ldapsearch -x -w@',
  "useradd -m -p '$6$abcdefgh$@' bob",
  'usermod -p @ bob',
  'mongodump -u me -p @',
  'ipmitool -I lanplus -U me -P @ power status',
  'smbclient //nas/x -U me%@ -c ls',
  'lftp -u me,@ host',
  'zip -P @ /a.zip /b',
  '7z a -p@ /a.7z /b',
  'snmpget -v2c -c @ host',
  'htpasswd -b /etc/x bob @',
  'rabbitmqctl change_password bob @',
  'nmcli dev wifi connect x password @',
  'x --api-key @ --token=@',
  'x --pass @',
  "x --password='a b'@ y",
  'x --bearer @',
  'x --password $(echo @) y',
])('the secret of %s', (line) => {
  const given = line.replaceAll('@', pw);
  const shown = redactCommand(given);
  expect(shown).not.toContain(pw);
  expect(shown).toContain('[redacted]');
  // What stands before and after it is still there.
  expect(shown.startsWith(line.slice(0, 4).split('=')[0] ?? '')).toBe(true);
  if (line.endsWith(' https://x')) expect(shown).toContain(' https://x');
  expect(redactCommand(shown)).not.toContain(pw);
});

test.each([
  ['redis-cli -a S3cr3t ping && ls -a dir', 'redis-cli -a [redacted] ping && ls -a dir'],
  ['sh -c "redis-cli -a S3cr3t" && date > /x', 'sh -c "redis-cli -a [redacted]" && date > /x'],
  ['openssl enc -pass pass:S3cr3t -in /a', 'openssl enc -pass pass:[redacted] -in /a'],
  [`curl -d '{"password":"a b","x":1}' y`, `curl -d '{"password":[redacted],"x":1}' y`],
  ['curl "https://x?a=1&token=S3cr3t&b=2"', 'curl "https://x?a=1&token=[redacted]&b=2"'],
  ['x; echo S3 cr3t | sudo -S ls | wc', 'x; echo [redacted] | sudo -S ls | wc'],
  ['curl -H "Authorization: Bearer a.b c" y', 'curl -H "Authorization: Bearer [redacted]" y'],
  ['git push https://glpat-abcdefghij0123456789@host/x', 'git push https://[redacted]@host/x'],
  ['x --password "a b', 'x --password [redacted]'],
])('%s', (line, shown) => {
  expect(redactCommand(line)).toBe(shown);
});

test.each([
  'ls -a dir',
  'tar -k -xf /a.tar -C /b',
  'grep -w word /etc/passwd',
  'curl -k https://x',
  'curl -fsS -o /x https://host/a?b=c',
  'ssh -p 22 host',
  'ssh -o PasswordAuthentication=no -i /root/key host',
  'mkdir -p /a && cp -pr /a /b',
  'restic --password-file /root/p backup /',
  'restic --password-command "cat /root/p" backup /',
  'rsync -a --delete --password-file=/p /a /b',
  'wget --no-passive-ftp https://x',
  'x --password --other',
  'docker login --password-stdin registry',
  'docker run -u 1000:1000 image',
  'docker exec --user www-data:www-data c php cron.php',
  'openssl enc -pass file:/root/p -in /a',
  'openssl x509 -in /a -noout -enddate',
  'redis-cli --rdb /b/dump.rdb',
  'mysql --defaults-file=/root/.my.cnf -e "select 1"',
  'mysqldump -P 3306 -u root --password-file=/x',
  'ldapsearch -x -W -b dc=x',
  'echo done | mail -s ok root',
  'echo 3 > /proc/sys/vm/drop_caches',
  'unzip -p /a.zip | wc',
  '7z x /a.7z',
  'passwd -l bob',
  'pass show backup',
  'useradd -m bob',
  'test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }',
  '[ -x /usr/lib/php/sessionclean ] && if [ ! -d /run/systemd/system ]; then /usr/lib/php/sessionclean; fi',
  'BOOT_IMAGE=/vmlinuz root=UUID=0b0f-1 ro quiet console=ttyS0,115200 rd.luks.key=/k',
  'kubectl get secret x',
  'find / -name "*.key" -perm -400',
  'AWS_ACCESS_KEY_ID=me aws s3 sync /a s3://b',
])('nothing is taken from %s', (line) => {
  expect(redactCommand(line)).toBe(line);
});

test('a setting by its name', () => {
  expect(redactSetting('password', 'x')).toBe('[redacted]');
  expect(redactSetting('passive', 'x')).toBe('x');
  expect(redactSetting('password_file', '/x')).toBe('/x');
});

test('a hostile line costs no time', () => {
  const started = performance.now();
  for (const piece of [
    'pass',
    '-a ',
    'echo ',
    '"',
    "'a",
    'token=',
    'password-',
    'curl -u ',
    '$(',
    '\\"',
    'https://a/',
    'htpasswd -b a ',
    'docker login ',
  ])
    redactCommand(piece.repeat(2000));
  expect(performance.now() - started).toBeLessThan(3000);
});
