/**
 * Files of configuration without their secrets. Each format has its own way of writing a value; what is in doubt is replaced,
 * up to the end of its line. A replaced value of eight characters or more is from then on also kept out of logs.
 */
import { REDACTED, redactText } from '../kernel/secret.ts';
import { mayHoldSecret, redactCommands } from './redact-commands.ts';
import { replaced } from './redact-value.ts';

type FileFormat = 'keys' | 'words' | 'yaml' | 'xml';

/** Names of settings whose value is a secret, however they are spelled: with dashes, underscores, dots or none. */
const secretName =
  /(?:(?:^|[-_. ])(?:psk|pin|cak|pw|key\d*)|passw(?:or)?d|passwd|passphrase\d*|secret|wep[-_]?key\d*|wep[-_]tx[-_]?key|private[-_]?key|preshared[-_]?key|presharedkey|psk\d*|wireless[-_]key[-_]?\d*|sae_password|stable_secret|fastopen_key|mka[-_]cak|pre[-_]shared[-_]key|password[-_]raw)$/i;
/** Names that end like a secret, and are none: whose key it is, where it lies, how it is managed. */
const harmlessName =
  /(?:flags|file|path|public[-_]?key|key[-_]?mgmt|key[-_]?management|keyid|key[-_]?id|key[-_]?type|defaultkey|tx[-_]?keyidx|wep[-_]tx[-_]keyidx|[io]?-?key[-_]direction|sensitive[-_]?key)$/i;
/** Sections in which every value is one. */
const secretSection = /^(?:vpn-secrets|.*-secrets)$/i;

const isSecretName = (name: string): boolean => secretName.test(name) && !harmlessName.test(name);

/** `name = value`; a name starts where a word does, or long lines would take for ever. */
const assignment = /(?<![\w.-])([\w.-]+)["']?\s*[=:]\s*(?=\S)/g;

/** Also in comments, as `wpa_passphrase` leaves the plain password in one, and with several on a line. */
function redactKeys(text: string): string {
  let section = '';
  return eachLine(text, (line) => {
    const heading = /^\s*\[(.*)\]\s*$/.exec(line);
    if (heading !== null) section = heading[1] ?? '';
    for (const { 0: found, 1: name = '', index } of line.matchAll(assignment)) {
      // `Key=` is the secret of MACsec, and in a tunnel a number that everybody sees.
      const isTunnelKey = /^(?:input|output)?key$/i.test(name) && /^tunnel$/i.test(section);
      if (secretSection.test(section) || (isSecretName(name) && !isTunnelKey)) {
        const end = index + found.length;
        return `${line.slice(0, end)}${replaced(line.slice(end))}`;
      }
    }
    return line;
  });
}

/** `name value`, as in `interfaces` and `dhclient.conf`; a value may go on after a backslash. */
function redactWords(text: string): string {
  let goesOn = false;
  return eachLine(text, (line) => {
    const continued = goesOn;
    const secret = continued ? undefined : firstSecretWord(line);
    goesOn = line.trimEnd().endsWith('\\') && (continued || secret !== undefined);
    if (continued) return line.trim() === '' ? line : REDACTED;
    if (secret === undefined) return line;
    const [before, rest] = secret;
    return rest.trim() === '\\' ? line : `${before}${replaced(rest)}`;
  });
}

/** The line up to the value of the first secret in it, and the rest. */
function firstSecretWord(line: string): readonly [string, string] | undefined {
  for (const word of line.matchAll(/[A-Za-z][\w.-]*/g)) {
    const end = word.index + word[0].length;
    const [gap = ''] = /^(?:\s+|\s*[=:]\s*)/.exec(line.slice(end)) ?? [];
    const rest = line.slice(end + gap.length);
    const isWireless = /^wireless-key\d*$/i.test(word[0]);
    // `key NAME {` names a key; what is in its braces is the secret.
    if (gap === '' || rest === '' || (!isWireless && /^key$/i.test(word[0]))) continue;
    if (isWireless || isSecretName(word[0])) return [line.slice(0, end + gap.length), rest];
  }
  return undefined;
}

const yamlSecret = /^(?:.*password|psk|private|shared|pin|private-key|key|secret|passphrase)$/i;
const wireguardKey = /^["']?[A-Za-z0-9+/]{42}[A-Za-z0-9+/=]{2}["']?$/;

const yamlEntry = /^(\s*#?\s*(?:-\s+)*)(["']?)([\w.-]+)\2(\s*:)(?:(\s+)(.*))?$/;
const flowEntry = /([{,]\s*)(["']?)([\w.-]+)\2(\s*:\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,{}[][^,}]*)/g;

/** By lines: mappings in block and in flow style, and values that go on in deeper lines. */
function redactYaml(text: string): string {
  let inside: number | undefined;
  return eachLine(text, (line) => {
    const indent = line.length - line.trimStart().length;
    if (line.trim() === '') return line;
    if (inside !== undefined && indent > inside) return `${' '.repeat(indent)}${REDACTED}`;
    inside = undefined;
    if (wireguardKey.test(line.trim())) return `${' '.repeat(indent)}${REDACTED}`;
    const [all, before = '', quote = '', name = '', colon = '', space = '', value = ''] = yamlEntry.exec(line) ?? [];
    if (all !== undefined && isYamlSecret(name, value) && !/^[{[]/.test(value)) {
      if (!/^key$/i.test(name)) inside = indent;
      return /^[|>]?[-+\d]*$/.test(value.trim()) && value.trim().length < 3
        ? line
        : `${before}${quote}${name}${quote}${colon}${space}${replaced(value)}`;
    }
    return line.replace(flowEntry, (entry, open: string, mark: string, key: string, sign: string, content: string) =>
      isYamlSecret(key, content) ? `${open}${mark}${key}${mark}${sign}${replaced(content)}` : entry,
    );
  });
}

function isYamlSecret(name: string, value: string): boolean {
  if (!yamlSecret.test(name)) return false;
  // The key of a GRE tunnel is a number; that of WireGuard is 32 bytes in base64.
  return !/^key$/i.test(name) || wireguardKey.test(value.trim());
}

function redactXml(text: string): string {
  return text.replace(
    /<([\w:-]*(?:pass(?:phrase|word|wd)|secret|key|psk|pin)\d*)(\s[^<>]*)?>([^<]+)<\/\1>/gi,
    (all, name: string, attributes: string | undefined, value: string) =>
      harmlessName.test(name) ? all : `<${name}${attributes ?? ''}>${replaced(value)}</${name}>`,
  );
}

const pem = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;

/** The search for passwords in URLs takes time with the square of a word: no line of configuration is that long. */
const maxLine = 4096;

function redactLine(line: string): string {
  if (line.length <= maxLine) return redactCommands(redactText(line));
  return mayHoldSecret(line) ? REDACTED : line;
}

const eachLine = (text: string, change: (line: string) => string): string => text.split('\n').map(change).join('\n');

const redactors: Readonly<Record<FileFormat, (text: string) => string>> = {
  keys: redactKeys,
  words: redactWords,
  yaml: redactYaml,
  xml: redactXml,
};

/** The format of a file, by its path. */
export function formatOf(path: string): FileFormat {
  if (/\.ya?ml$/.test(path)) return 'yaml';
  if (path.endsWith('.xml')) return 'xml';
  return /^\/etc\/(?:network\/|dhcp\/|dhcpcd)/.test(path) ? 'words' : 'keys';
}

/** Databases of names, and a line each for those called `passwd` and `key`: no place for secrets. */
const secretless = /^\/etc\/(?:nsswitch\.conf|gai\.conf|hostname|iproute2\/.*)$/;

/** The content of a file without secrets. */
export function redactConfig(path: string, content: string): string {
  if (secretless.test(path)) return content;
  const whole = content.replace(pem, REDACTED);
  return eachLine(redactors[formatOf(path)](whole), redactLine);
}
