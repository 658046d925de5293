/** Whether a medium still fits the host that it was made for, and why not. */
import { formatDuration } from '../kernel/units.ts';
import type { KnownMedium } from './known.ts';

/** What is told about the host as it is now. */
export interface Present {
  /** Release of the kernel that runs, and what its file is; absent where there is no such file. */
  readonly release: string;
  readonly kernelSha256?: string;
  /** Names of modules that the host uses. */
  readonly modules: readonly string[];
  /** What has changed of storage and of network since the medium was made, each in words. */
  readonly layout: readonly string[];
  readonly network: readonly string[];
  /** Digests of settings that go onto media, by name. */
  readonly settings: Readonly<Record<string, string>>;
  /** Version of lifeboat. */
  readonly version: string;
  readonly now: Date;
}

export const staleSubjects = [
  'kernel',
  'modules',
  'layout',
  'network',
  'configuration',
  'keys',
  'version',
  'base',
] as const;

export interface StaleReason {
  readonly subject: (typeof staleSubjects)[number];
  readonly text: string;
}

/** As long may pass until packages are looked up again: in most months something of them is mended. */
export const baseDays = 45;

/** Empty where it still fits. */
export function staleReasons({ medium, ownKernel }: KnownMedium, present: Present): readonly StaleReason[] {
  const { release, settings, now } = present;
  const reason = (subject: StaleReason['subject'], isSo: boolean, text: string): StaleReason[] =>
    isSo ? [{ subject, text }] : [];
  const sameRelease = release === medium.kernel.version;
  const otherFile = present.kernelSha256 !== undefined && present.kernelSha256 !== medium.kernel.sha256;
  // Of another kernel than the one that runs nobody can tell what it would load.
  const missing = sameRelease ? present.modules.filter((name) => !medium.modules.includes(name)) : [];
  const changed = (name: string): boolean => settings[name] !== medium.of[name];
  const ageMs = now.getTime() - Date.parse(medium.base.resolved);
  return [
    ...reason('kernel', ownKernel && !sameRelease, `this host runs ${release}, and it starts ${medium.kernel.version}`),
    ...reason('kernel', ownKernel && sameRelease && otherFile, `the kernel ${release} is another build now`),
    ...reason('modules', missing.length > 0, `it lacks modules that are used now: ${missing.join(', ')}`),
    ...present.layout.map((text) => ({ subject: 'layout', text }) as const),
    ...present.network.map((text) => ({ subject: 'network', text }) as const),
    ...reason('configuration', changed('configuration'), 'the configuration is not the one that is on it'),
    ...reason('keys', changed('keys'), 'those who may log in by ssh are not those who may log in to it'),
    ...reason(
      'version',
      present.version !== medium.version,
      `it has lifeboat ${medium.version}, and this is ${present.version}`,
    ),
    ...reason('base', ageMs > baseDays * 86_400_000, `its packages were looked up ${formatDuration(ageMs)} ago`),
  ];
}
