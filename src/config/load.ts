import { readFile } from 'node:fs/promises';
import { type Document, LineCounter, parseDocument, Scalar, visit, type YAMLError } from 'yaml';
import type { z } from 'zod';
import { explaining, hasErrno, LifeboatError } from '../kernel/errors.ts';
import { nearest } from '../kernel/nearest.ts';
import { type KeyPath, lineAt, lineOf, showPath } from './place.ts';
import { type Config, configSchema, notifySchema, sections } from './schema.ts';
import { secretsIn, whereSecretsBelong } from './secrets.ts';

interface Problem {
  readonly line: number;
  readonly text: string;
}

/**
 * Reads the configuration file.
 *
 * @throws LifeboatError `config-invalid` when it is missing or wrong, `permission-denied`, …
 */
export async function loadConfig(path: string): Promise<Config> {
  const text = await explaining(`read the configuration ${path}`, async () => {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
      throw new LifeboatError('config-invalid', `there is no configuration at ${path}`, {
        hint: 'Make one with `lifeboat init`, or name another with --config. To read a repository, or to recover from it, its URL suffices: --repository URL.',
      });
    }
  });
  return parseConfig(text, path);
}

/**
 * The configuration in `text`.
 *
 * @param file its name for messages
 * @throws LifeboatError `config-invalid` with a line for each problem: `file:line: key: what is wrong`
 */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const secrets = secretsIn(document);
  const problems: Problem[] = secrets.map(({ path, offset, what }) => ({
    line: lineAt(lines, offset),
    text: `${showPath(path)}: ${what}`,
  }));
  for (const error of [...document.errors, ...document.warnings]) problems.push(syntaxProblem(error, text, lines));
  problems.push(...aliasProblems(document, lines));
  if (document.errors.length === 0) {
    const parsed = configSchema.safeParse(plainData(document));
    if (parsed.success && problems.length === 0) return parsed.data;
    const reported = new Set(secrets.map(({ path }) => showPath(path)));
    for (const issue of parsed.error?.issues ?? []) {
      problems.push(...schemaProblems(issue, document, lines).filter(({ key }) => !reported.has(key)));
    }
  }
  throw invalid(problems, file, secrets.length > 0);
}

/** Who is to be told, out of a configuration that is wrong elsewhere; nobody where that cannot be read either. */
export async function readNotify(path: string): Promise<Pick<Config, 'notify'>> {
  try {
    const document = parseDocument(await readFile(path, 'utf8'), { prettyErrors: false });
    return notifySchema.parse(plainData(document));
  } catch {
    return {};
  }
}

function invalid(problems: readonly Problem[], file: string, withSecrets: boolean): LifeboatError {
  const shown = problems.toSorted((a, b) => a.line - b.line).map(({ line, text }) => `${file}:${line}: ${text}`);
  return new LifeboatError('config-invalid', shown.join('\n'), { hint: withSecrets ? whereSecretsBelong : undefined });
}

/** Aliases are refused: they hide what a line means, and a few of them can unfold to any size. */
function aliasProblems(document: Document, lines: LineCounter): readonly Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Alias(_, node) {
      const line = lineAt(lines, node.range?.[0] ?? 0);
      problems.push({ line, text: 'an alias (*name) is not allowed here: write the value out, or quote the *' });
    },
  });
  return problems;
}

/** The data without its aliases, each of which is already a problem of its own. */
function plainData(document: Document): unknown {
  const copy = document.clone();
  visit(copy, { Alias: () => new Scalar('') });
  return copy.toJS();
}

function syntaxProblem(error: YAMLError, text: string, lines: LineCounter): Problem {
  const line = lineAt(lines, error.pos[0]);
  if (error.code === 'DUPLICATE_KEY') {
    const key = /^["']?([\w.-]+)/.exec(text.slice(error.pos[0]))?.[1];
    return { line, text: `${key === undefined ? '' : `${key}: `}is there a second time` };
  }
  if (error.code === 'MULTIPLE_DOCS') return { line, text: 'a second document begins here, and the file holds one' };
  // What follows the first colon quotes the file, and might quote a secret.
  return { line, text: `not valid YAML: ${error.message.replace(/:\s.*$/s, '')}` };
}

type Issue = z.core.$ZodIssue;

function schemaProblems(issue: Issue, document: Document, lines: LineCounter): readonly (Problem & { key: string })[] {
  const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
  return paths.map((path) => {
    const key = showPath(path);
    const text =
      document.contents === null
        ? 'the file is empty'
        : `${key === '' ? '' : `${key}: `}${explain(issue, path, document)}`;
    return { key, line: lineOf(document, lines, path), text };
  });
}

function explain(issue: Issue, path: KeyPath, document: Document): string {
  if (issue.code === 'unrecognized_keys') return `unknown key${suggestion(path)}`;
  if (!document.hasIn(path)) return 'is missing';
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input'))
    return `is not ${nameOf(issue.expected)}`;
  return issue.message;
}

/** What somebody who wrote an unknown key may have meant. */
function suggestion(path: KeyPath): string {
  const name = String(path.at(-1));
  const here = showPath(path.slice(0, -1));
  const elsewhere = Object.entries(sections).find(([section, keys]) => section !== here && keys.includes(name));
  if (elsewhere !== undefined) {
    return elsewhere[0] === '' ? '; it belongs at the top level' : `; it belongs under ${elsewhere[0]}:`;
  }
  const meant = nearest(name, sections[here] ?? []);
  return meant === undefined ? `; known here are ${(sections[here] ?? []).join(', ')}` : `; did you mean ${meant}?`;
}

function nameOf(type: string): string {
  if (type === 'object' || type === 'record') return 'a group of keys';
  if (type === 'array') return 'a list';
  return type === 'string' ? 'text' : `a ${type}`;
}
