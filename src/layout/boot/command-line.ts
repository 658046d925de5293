/** Kernel command lines: the parts that mean something, without secrets. */
import { REDACTED, redact, redactText } from '../../kernel/secret.ts';

/** Parameters in their order; a quoted part may hold spaces. */
export function parameters(line: string): string[] {
  return line.match(/(?:"[^"]*"|[^\s"]|"(?=[^"]*$))+/g) ?? [];
}

/** As it stands, but with secrets replaced: passwords of iSCSI, credentials for systemd, passwords in URLs. */
export function redactedLine(line: string): string {
  return parameters(redactText(line.trim())).map(redactedParameter).join(' ');
}

function redactedParameter(parameter: string): string {
  const [, quote = '', key, value] = /^("?)([^="]+)=(.*)$/s.exec(parameter) ?? [];
  if (key === undefined || value === undefined) return parameter;
  if (key.startsWith('systemd.set_credential')) return `${quote}${key}=${REDACTED}`;
  const plain = value.replace(/^(iscsi:[^:@]+):[^@]*@/, `$1:${REDACTED}@`);
  const checked = redact({ [key]: plain });
  const kept: unknown = Object.values(Object(checked))[0];
  return `${quote}${key}=${typeof kept === 'string' ? kept : REDACTED}`;
}

/** Added by loaders for themselves: they name the kernel that was started, not what it was told. */
const loadersOwn = /^(BOOT_IMAGE|initrd|BOOTIF|kexec_jump_back_entry|elfcorehdr)=/;

/** What the running kernel was told, for comparing two starts. */
export function lastingParameters(line: string): string[] {
  return parameters(redactedLine(line)).filter((parameter) => !loadersOwn.test(parameter));
}

/**
 * Assignments of a file that a shell reads, as far as they are plain: quotes are taken off, and variables set before
 * are put in. The last of a name counts.
 */
export function shellAssignments(lines: readonly string[], known: Readonly<Record<string, string>> = {}) {
  const found: Record<string, string> = { ...known };
  for (const line of joined(lines)) {
    const [, name, raw] = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(line) ?? [];
    if (name === undefined || raw === undefined) continue;
    found[name] = shellValue(raw.trim(), found);
  }
  return found;
}

/** A backslash at the end of a line joins it with the next. */
function joined(lines: readonly string[]): string[] {
  const all: string[] = [];
  let open = '';
  for (const line of lines) {
    if (/(^|[^\\])(\\\\)*\\$/.test(line)) open += line.slice(0, -1);
    else {
      all.push(open + line);
      open = '';
    }
  }
  return open === '' ? all : [...all, open];
}

function shellValue(raw: string, known: Readonly<Record<string, string>>): string {
  const expand = (text: string): string =>
    text
      .replace(/\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g, (whole, braced?: string, bare?: string) => {
        const name = braced ?? bare ?? '';
        return Object.hasOwn(known, name) ? (known[name] ?? whole) : whole;
      })
      .replace(/\\(["\\$`])/g, '$1');
  let rest = raw;
  let value = '';
  while (rest !== '' && !/^[\s#;]/.test(rest)) {
    const [whole = rest, single, double, command] =
      /^(?:'([^']*)'|"((?:[^"\\]|\\.)*)"|(`[^`]*`|\$\([^)]*\))|[^\s'"`]+)/s.exec(rest) ?? [];
    value += single ?? (double !== undefined ? expand(double) : (command ?? expand(whole)));
    rest = rest.slice(Math.max(whole.length, 1));
  }
  return value;
}
