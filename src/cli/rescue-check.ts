/** Whether the rescue system in which this runs is what it has to be. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { LifeboatError } from '../kernel/errors.ts';
import { type Medium, mediumSchema } from '../media/medium.ts';
import { checkAll, probesOf, type SelfCheck } from '../rescue/self-check.ts';
import { startedBy } from '../rescue/firmware.ts';
import { rescueReady } from '../rescue/ready.ts';
import { factsDocument, layoutDocument, networkDocument, readDocument } from './documents.ts';
import { examine } from './doctor.ts';
import { table } from './output.ts';
import type { Session } from './session.ts';

export interface SelfCheckDocument {
  readonly format: 'lifeboat.self-check/1';
  readonly medium: string;
  readonly firmware: 'bios' | 'uefi' | 'secure';
  readonly passed: boolean;
  readonly checks: readonly SelfCheck[];
}

const mediumFile = '/etc/lifeboat/medium.json';
/** Longer than the network may take to come up. */
const readyMs = 150_000;

/** @throws LifeboatError `unsupported` anywhere but in a rescue system */
export async function checkRescue(session: Session): Promise<SelfCheckDocument> {
  const { host, signal } = session;
  if (!existsSync(mediumFile)) {
    throw new LifeboatError('unsupported', 'this is no rescue system', {
      hint: 'Start a medium in a virtual machine: lifeboat rescue boot rescue.iso',
    });
  }
  const medium = mediumSchema.parse(JSON.parse(await readFile(mediumFile, 'utf8')));
  await rescueReady(readyMs, signal);
  const checks = await checkAll(
    [
      ...probesOf(host, medium),
      ['captures', async () => await capturesRead(medium)],
      ['doctor', async () => await doctorIsContent(session)],
    ],
    signal,
  );
  return {
    format: 'lifeboat.self-check/1',
    medium: medium.id,
    firmware: await startedBy(host, signal),
    passed: checks.every(({ passed }) => passed),
    checks,
  };
}

const text = async (path: string): Promise<string> => await readFile(path, 'utf8');
const captures: readonly (readonly [name: string, read: (file: string) => Promise<unknown>])[] = [
  ['layout', async (file) => await readDocument(layoutDocument, file, text)],
  ['network', async (file) => await readDocument(networkDocument, file, text)],
  ['facts', async (file) => await readDocument(factsDocument, file, text)],
];

async function capturesRead({ of }: Medium): Promise<string> {
  const found: string[] = [];
  for (const [name, read] of captures) {
    const file = `/etc/lifeboat/captured/${name}.json`;
    if (existsSync(file)) {
      await read(file);
      found.push(name);
    } else if (Object.hasOwn(of, name)) throw new LifeboatError('rescue-incomplete', `${file} is missing`);
  }
  return found.length === 0 ? 'none were made' : `can be read: ${found.join(', ')}`;
}

/** What is about the host that it was made for, as its configuration and its runs, is not there. */
const elsewhere: ReadonlySet<string> = new Set([
  'configuration',
  'repository',
  'drop-ins',
  'host key',
  'recovery code',
  'schedule',
  'earlier runs',
]);

async function doctorIsContent(session: Session): Promise<string> {
  const checks = await examine(session, ({ name }) => !elsewhere.has(name));
  const bad = checks.filter(({ state }) => state !== 'ok');
  if (bad.length === 0) return checks.map(({ name }) => name).join(', ');
  throw new LifeboatError('rescue-incomplete', bad.map(({ name, detail }) => `${name}: ${detail}`).join('; '));
}

export function selfCheckText({ checks, passed, firmware }: SelfCheckDocument): string {
  const rows = checks.map(({ name, passed, detail }) => [passed ? 'ok' : 'WRONG', name, detail]);
  const says = passed ? 'This rescue system is what it has to be' : 'This rescue system is not what it has to be';
  return `${table(['', 'check', ''], rows)}\n\n${says}; started by ${firmware}.`;
}
