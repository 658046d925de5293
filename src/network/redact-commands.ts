/** Secrets in the commands that files of configuration run (`up`, `PostUp`), known by the form in which programs take them. */
import { replaced } from './redact-value.ts';

/** A word of the shell, with what is quoted in it; where a quote is not closed, all that follows. */
const word = String.raw`(?:\\.|"[^"]*"|'[^']*'|[^\s"'\\;|&]|["'].*$)+`;
const name = String.raw`(?:token|pass(?:w(?:or)?d|phrase)?|pwd|secret|api[-_]?key|auth[-_]?key|access[-_]?key|credentials?)`;

interface Form {
  /** The form is looked for only in lines that have this. */
  readonly where?: RegExp;
  /** What stays, and the secret. */
  readonly form: RegExp;
  /** Values that are none. */
  readonly harmless?: RegExp;
}

/** The address part of an IPv6 token is no secret, nor are numbers of users. */
const address = /^["']?(?:eui64$|prefixstable|static:|[0-9a-f]*:[0-9a-f:.]*["']?$)/i;

const forms: readonly Form[] = [
  // token=x, --token=x, --token x, X-Token: x
  {
    form: new RegExp(String.raw`((?<![\w.-])[\w.-]{0,40}${name}["']?\s*[=:]\s*)(${word})`, 'gi'),
    harmless: address,
  },
  { form: new RegExp(String.raw`((?<![\w.-])--?(?:[\w.-]{0,40}[-_.])?${name}\s+)(?!-)(${word})`, 'gi') },
  // https://host/?key=x&sig=y
  {
    form: /([?&](?:[\w.-]{0,40}(?:token|key|secret|sig|signature|auth|pass(?:word|wd)?|pwd|psk|pin|credential))=)([^\s&"'#;]+)/gi,
  },
  // Authorization: Bearer x
  { form: /(\bauthorization\s*[:=]\s*(?:[\w-]+\s+)?)([^\s"']+)/gi },
  { form: /(\b(?:bearer|basic)\s+)([\w.~+/=-]{8,})/gi },
  // Addresses of webhooks are secrets themselves.
  { form: /(hooks\.slack\.com\/services\/|discord(?:app)?\.com\/api\/webhooks\/|api\.telegram\.org\/bot)([^\s"']+)/gi },
  // curl -u user:x, curl -sSu 'user:x'
  { where: /\bcurl\b/, form: /(\s-[A-Za-z]*[uU]\s*"[^":]*:)([^"]+)(?=")/g },
  { where: /\bcurl\b/, form: /(\s-[A-Za-z]*[uU]\s*'[^':]*:)([^']+)(?=')/g },
  { where: /\bcurl\b/, form: new RegExp(String.raw`(\s-[A-Za-z]*[uU]\s*[^\s"':-][^\s"':]*:)(${word})`, 'g') },
  { form: /(\s--(?:proxy-)?user[\s=]+"[^":]*:)([^"]+)(?=")/g, harmless: /^\d{1,5}$/ },
  { form: /(\s--(?:proxy-)?user[\s=]+'[^':]*:)([^']+)(?=')/g, harmless: /^\d{1,5}$/ },
  {
    form: new RegExp(String.raw`(\s--(?:proxy-)?user[\s=]+[^\s"':]+:)(${word})`, 'g'),
    harmless: /^\d{1,5}$/,
  },
  // smbclient -U user%x, lftp -u user,x
  { where: /\b(?:smbclient|rpcclient|net)\b/, form: new RegExp(String.raw`(\s-U\s*["']?[^\s"'%]+%)(${word})`, 'g') },
  { where: /\blftp\b/, form: new RegExp(String.raw`(\s-u\s*["']?[^\s"',]+,)(${word})`, 'g') },
  // sshpass -p x, mysql -px (with a space it would ask), ipmitool -P x
  { form: new RegExp(String.raw`(\bsshpass\s+-p\s*)(${word})`, 'g') },
  { where: /\b(?:mysql|mariadb)/, form: new RegExp(String.raw`(\s-p)(${word})`, 'g') },
  { where: /\bipmitool\b/, form: new RegExp(String.raw`(\s-P\s*)(${word})`, 'g') },
  // iwconfig wlan0 key restricted [2] x, iw dev wlan0 connect net key 0:x
  {
    where: /\biw(?:config)?\s/,
    form: /(\s(?:key|keys|enc|encryption)\s+(?:(?:open|restricted|\[\d\])\s+)*)([^;|&]+)/g,
    harmless: /^(?:on|off|open|restricted)\b/,
  },
  { where: /\bwpa_cli\b/, form: /(\bwps_reg\s+\S+\s+)(\S+)/g },
  // ip xfrm state add … enc 'cbc(aes)' 0x…, ip macsec add … key 01 81…
  {
    where: /\bxfrm\s+state\b/,
    form: new RegExp(String.raw`(\s(?:enc|auth|auth-trunc|aead|comp)\s+(?:"[^"]*"|'[^']*'|\S+)\s+)(${word})`, 'g'),
  },
  { where: /\bmacsec\b/, form: /(\bkey\s+[0-9a-f]+\s+)([0-9a-f]{16,})/gi },
];

/** A variable or a substitution says where a secret is from. */
const indirect = /^["']?\$(?:\w+|\{\w+\}|\([^()]*\))["']?$/;

/** A line without the secrets of commands in it. Its time goes with the square of the longest word. */
export function redactCommands(line: string): string {
  let text = line;
  for (const { where, form, harmless } of forms) {
    if (where?.test(line) === false) continue;
    text = text.replace(form, (all, before: string, value: string) =>
      indirect.test(value) || harmless?.test(value) === true ? all : `${before}${replaced(value)}`,
    );
  }
  return text;
}

/** Whether a line that is too long to look closely at may hold one. */
export const mayHoldSecret = (line: string): boolean =>
  /:\/\/|pass|pwd|token|secret|key|credential|authorization|bearer|curl|xfrm/i.test(line);
