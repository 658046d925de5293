/** A container as it may be printed: what looks like a secret in its environment, arguments and labels is replaced. */
import { redactCommand, redactSetting } from '../kernel/redact-command.ts';
import { REDACTED } from '../kernel/secret.ts';
import type { Container } from './model/container.ts';

export function withoutSecrets(container: Container): Container {
  const { process, mounts, labels, annotations, definedBy, health, pod } = container;
  return {
    ...container,
    ...(process === undefined
      ? {}
      : {
          process: {
            ...process,
            ...(process.env === undefined ? {} : { env: process.env.map(redactAssignment) }),
            ...(process.args === undefined ? {} : { args: redactArguments(process.args) }),
          },
        }),
    ...(health === undefined ? {} : { health: { ...health, test: redactArguments(health.test) } }),
    ...(pod?.command === undefined ? {} : { pod: { ...pod, command: redactArguments(pod.command) } }),
    mounts: mounts.map((mount) =>
      mount.options === undefined ? mount : { ...mount, options: mount.options.map(redactMountOption) },
    ),
    labels: redactRecord(labels),
    annotations: redactRecord(annotations),
    definedBy: definedBy.map((definition) =>
      definition.command === undefined ? definition : { ...definition, command: redactArguments(definition.command) },
    ),
  };
}

function redactAssignment(assignment: string): string {
  const [, name, value] = /^([^=]*)=([\s\S]*)$/.exec(assignment) ?? [];
  return name === undefined || value === undefined
    ? redactCommand(assignment)
    : `${name}=${redactSetting(name, value)}`;
}

/** As `mount` takes them: cifs has its own names for a password, and one option may hold several, with commas. */
function redactMountOption(option: string): string {
  const parts = option.split(',');
  // A password may have a comma itself, so that what follows one may be its rest.
  const first = parts.findIndex((part) => /^(?:password2?|pass2?|passwd|secret|key|cred(?:ential)?s?)=/i.test(part));
  if (first >= 0) return [...parts.slice(0, first), `${parts[first]?.split('=')[0]}=${REDACTED}`].join(',');
  return parts.map((part) => redactAssignment(part)).join(',');
}

function redactRecord(record: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, redactSetting(key, value)]));
}

/** `--password x` and `-e PASSWORD=x` take two of them. */
function redactArguments(args: readonly string[]): string[] {
  return args.map((argument, index) => {
    const [, option] = /^--?([A-Za-z][\w-]*)$/.exec(args[index - 1] ?? '') ?? [];
    const [, name, value] = /^(-{0,2}[\w.-]+)=([\s\S]*)$/.exec(argument) ?? [];
    if (name !== undefined && value !== undefined) return `${name}=${redactSetting(name.replace(/^-+/, ''), value)}`;
    return option === undefined || argument.startsWith('-') ? redactCommand(argument) : redactSetting(option, argument);
  });
}
