/** A container as it may be printed: what looks like a secret in its environment, arguments and labels is replaced. */
import { redactCommand, redactSetting } from '../kernel/redact-command.ts';
import type { Container } from './model/container.ts';

export function withoutSecrets(container: Container): Container {
  const { process, labels, annotations, definedBy, health, pod } = container;
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
