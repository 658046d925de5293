/** The forms in which programs take a secret on their command line: one table, by program where an option needs it. */

export interface Form {
  /** What stands before the secret. */
  readonly before: RegExp;
  /** The program, which must stand before it in the same command; without one, the form says enough by itself. */
  readonly of?: RegExp;
  /** Programs that mean something else by it. */
  readonly notOf?: RegExp;
  /** What is redacted goes on to the end of the quotes around it: a header, not a word. */
  readonly toQuote?: boolean;
  /** Words that are no secret; or, the other way round, what alone is one. */
  readonly harmless?: RegExp;
  readonly only?: RegExp;
}

/** Not what only says where a secret is or what it is like: `--password-file`, `--password-stdin`, `AWS_ACCESS_KEY_ID`. */
const elsewhere = String.raw`(?![\w.-]{0,80}(?:file|path|command|cmd|stdin|prompt|fd|dir|env|id|name|policy|ttl|timeout|length)\b)`;
const secret = String.raw`(?:(?<!by|com|sur)pass(?:w(?:or)?d|phrase|code)?|pwd|secret|token|credentials?|bearer|psk|(?:api|private|access|account|auth|encryption|shared)[_-]?key)\d*`;
/** A word of letters that goes on, as in `--passive` and `PasswordAuthentication`, is another. */
export const secretName = String.raw`${elsewhere}[\w.-]{0,40}?${secret}(?![a-z])[\w.-]{0,40}`;
const named = String.raw`(?<![\w.-])${secretName}`;

/** A program by name, with or without its directory. */
function program(names: string): RegExp {
  return new RegExp(String.raw`(?:^|[\s"'=(/!\x60])(?:${names})(?=["'\s])`);
}

/** An option of its own, with the value in the next word or right after it. */
function option(names: string): RegExp {
  return new RegExp(String.raw`(?<=[\s"'])-(?:${names})(?:\s+(?!-)|=|(?=[^\s=-]))`, 'g');
}

/** An option whose value is in the next word. */
function spaced(names: string): RegExp {
  return new RegExp(String.raw`(?<=[\s"'])-(?:${names})(?:\s+(?!-)|=)`, 'g');
}

const curl = program('curl');

export const forms: readonly Form[] = [
  // PASSWORD=x, --password=x, token: x, "token": "x"
  {
    before: new RegExp(String.raw`${named}(?:\\?["'])?\s*[=:]\s*`, 'gi'),
    harmless: /^(?:\/\/|file:|env:|fd:|pass:|(?:id|src|source|type)=)/,
  },
  // --password x, but not --password --other
  {
    before: new RegExp(String.raw`(?<![\w.-])--?${secretName}\s+(?!-)`, 'gi'),
    harmless: /^(?:file:|env:|fd:|pass:|stdin$|(?:id|src|source|type)=)/,
  },
  // --password-command 'echo x', BORG_PASSCOMMAND="echo x"
  { before: /(?<![\w.-])[\w.-]{0,40}?pass[\w.-]{0,40}(?:command|cmd)(?:\s+|=)/gi, only: /\b(?:echo|printf)\s/ },
  // https://host/?key=x&sig=y
  {
    before: /[?&][\w.-]{0,40}?(?:token|key|secret|sig|signature|auth|pass(?:word|wd)?|pwd|pin|credential|hash)=/gi,
  },
  // Addresses of webhooks are secrets themselves.
  {
    before:
      /\b(?:hooks\.slack\.com\/(?:services|workflows|triggers)\/|discord(?:app)?\.com\/api\/(?:v\d+\/)?webhooks\/|api\.telegram\.org\/bot|hooks\.zapier\.com\/hooks\/catch\/|\.office\.com\/webhook\w*\/|maker\.ifttt\.com\/trigger\/[\w-]+\/(?:json\/)?with\/key\/|hc-ping\.com\/)/gi,
  },
  { before: /https?:\/\/[^\s"'?]{1,200}?\/(?:web-?hooks?|hooks)\//gi, only: /[\w-]{16,}/ },
  // Authorization: Bearer x
  {
    before: /\bauthorization\s*[:=]\s*(?:(?:bearer|basic|token|digest|apikey|negotiate|key)\s+)?/gi,
    toQuote: true,
  },
  { before: /\b(?:bearer|basic)\s+/gi, only: /^[\w.~+/=-]{8,}$/ },
  { before: /(?<=["'])(?:set-)?cookie:\s*/gi, toQuote: true },
  // -u user:x
  {
    before: /(?<=\s)(?:-u|--(?:proxy-)?user)[\s=]*["']?[^\s:"'-][^\s:"']*:/g,
    notOf: program('docker|podman|nerdctl|kubectl|chown|chroot|install|setpriv|systemd-run|rsync'),
  },
  { of: curl, before: /(?<=\s)-[A-Za-z]*[uU]\s*["']?[^\s:"'-][^\s:"']*:/g },
  { of: curl, before: /(?<=\s)(?:-b|--cookie)[\s=]+/g, only: /=/ },
  { of: program('https?'), before: /(?<=\s)(?:-a|--auth)[\s=]+["']?[^\s:"'-][^\s:"']*:/g },
  { of: program('smbclient|rpcclient|smbget|smbmap|net'), before: /(?<=\s)(?:-U|--user)[\s=]*["']?[^\s"'%]+%/g },
  { of: program('lftp'), before: /(?<=[\s"'])-u\s*["']?[^\s"',]+,/g },
  { of: program('redis-cli|valkey-cli|keydb-cli'), before: spaced('a') },
  { of: program('openssl'), before: spaced('k|K|hmac') },
  { of: program('openssl'), before: /(?<=\s)-pass(?:in|out)?\s+["']?pass:/g },
  { of: program('openssl'), before: /\bhex(?:key|seed):/g },
  { of: program('openssl'), before: /(?<=\spasswd\s+(?:-(?:\w+\s+)){0,4})(?![-\s])/g },
  { of: program(String.raw`ldap\w+`), before: option('w') },
  { of: program('ldappasswd'), before: option('s|a') },
  { of: program('sshpass'), before: option('p') },
  // With a space after it, it would ask.
  {
    of: program(String.raw`mysql\w*|mariadb(?:-\w+)*|mariabackup|xtrabackup|innobackupex`),
    before: /(?<=[\s"'])-p(?=[^\s])/g,
  },
  { of: program(String.raw`mysqladmin|mariadb-admin`), before: /\spassword\s+(?!-)/g },
  { of: program('mydumper|myloader'), before: option('p') },
  { of: program(String.raw`mongo\w*`), before: option('p') },
  { of: program('useradd|usermod|groupadd|groupmod'), before: option('p') },
  { of: program('ipmitool|zip|zipcloak|unzip'), before: option('P') },
  { of: program('sqlcmd|bcp|tsql|osql'), before: option('P') },
  { of: program('7z|7za|7zr|7zz|rar|unrar'), before: /(?<=\s)-h?p(?=[^\s])/g },
  {
    of: program(String.raw`snmp(?:get|getnext|bulkget|bulkwalk|walk|set|table|status|trap|inform|df)`),
    before: option('c|A|X'),
  },
  { of: program('docker|podman|nerdctl|skopeo|buildah|helm|oc|az'), before: /(?<=\slogin\s.{0,200})-p(?:\s+(?!-)|=)/g },
  { of: program('ncftp|ncftpput|ncftpget|ncftpls|rdesktop'), before: option('p') },
  { of: program('xfreerdp'), before: /(?<=\s)\/p:/g },
  { of: program('swaks'), before: spaced('-?ap') },
  { of: program('sendemail|sendEmail'), before: spaced('xp') },
  { of: program('htpasswd'), before: /(?<=\s-[A-Za-z]*b[A-Za-z]*\s+(?:-\S+\s+){0,3}[^\s-]\S*\s+[^\s-]\S*\s+)(?=\S)/g },
  { of: program('rabbitmqctl'), before: /\s(?:add_user|change_password|authenticate_user)\s+\S+\s+/g },
  { of: program('nmcli'), before: /\s(?:password|\S+\.(?:psk|password|wep-key\d))\s+/g },
  { of: program('wpa_passphrase'), before: /\swpa_passphrase\s+\S+\s+|^wpa_passphrase\s+\S+\s+/g },
  { of: program('vault'), before: /\slogin\s+(?![-\w]+=|-)/g },
  { of: program('aws'), before: /\sconfigure\s+set\s+\S*(?:secret|token)\S*\s+/g },
  { of: program('sqlplus|expdp|impdp|rman'), before: /(?<=\s)["']?\w+\/(?=[^\s/@]+(?:@|["'\s]|$))/g },
  // sudo -S … <<< x
  { of: program('sudo|chpasswd|cryptsetup|kinit|su|gpg2?|openssl'), before: /<<<\s*/g },
];

/** Secrets that say themselves what they are: tokens of well-known services, JSON web tokens, hashes of passwords. */
export const shapes =
  /\b(?:xox[abeprs]-|gh[pousr]_|github_pat_|glpat-|[sr]k_live_|hvs\.|dop_v1_|AIza|npm_|pypi-)[\w-]{10,}|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*|\$(?:[1567y]|2[abxy]|gy|argon2\w{1,2}|scrypt)\$[\w./$=,+-]{8,}/g;

/** What is printed into one of these is the secret that it reads. */
export const printed = /(?:^|(?<=[\s;&|(!"'\x60]))(?:echo|printf)(?:\s+-[neE]+)*\s+/g;
export const readsSecret =
  /\bsudo\b.*\s(?:-[A-Za-z]*S|--stdin)|\b(?:chpasswd|passwd|smbpasswd|saslpasswd2|cryptsetup|kinit|gocryptfs|encfs|veracrypt)\b|\bsu\s|--pass\S*-(?:stdin|fd)|-pass(?:in)?\s+stdin|\bload-key\b|\bsshpass\b/;
