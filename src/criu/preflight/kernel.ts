/** What of a kernel and its settings matters to CRIU: pure functions of what the machine says. */
import type { CriuFeatures, CriuVersion } from '../response.ts';
import { versionText } from '../response.ts';

export interface Finding {
  readonly subject: string;
  /** `limited`: checkpoints work, but something of them does not. */
  readonly state: 'ok' | 'limited' | 'missing';
  readonly text: string;
  /** What to do about it. */
  readonly next?: string;
}

/** @param release as `uname -r` has it */
export function versionFinding(version: CriuVersion, release: string): Finding {
  const text = `CRIU ${versionText(version)} on Linux ${release}`;
  if (isBefore(numbers(versionText(version)), [4, 2]) && !isBefore(numbers(release), [6, 16])) {
    return {
      subject: 'version',
      state: 'missing',
      text: `${text}: no TCP or UDP socket can be dumped`,
      next: 'Install CRIU 4.2 or newer.',
    };
  }
  if (isBefore(numbers(versionText(version)), [4, 0])) {
    return { subject: 'version', state: 'limited', text: `${text}, which is old`, next: 'Install CRIU 4.2 or newer.' };
  }
  return { subject: 'version', state: 'ok', text };
}

/** @param pagemapScan whether the kernel lists pages by a call; `undefined` where CRIU does not know the question */
export function featureFindings(features: CriuFeatures, pagemapScan: boolean | undefined): readonly Finding[] {
  const findings: Finding[] = [];
  const say = (subject: string, has: boolean, text: string, otherwise: string, next: string): void => {
    findings.push(has ? { subject, state: 'ok', text } : { subject, state: 'limited', text: otherwise, next });
  };
  say(
    'soft-dirty',
    features.memoryTracking,
    'memory that was written is told (soft-dirty)',
    'the kernel does not tell which memory was written (no CONFIG_MEM_SOFT_DIRTY): no passes before a checkpoint',
    'For passes, boot a kernel that has it, such as that of Debian on x86-64.',
  );
  say(
    'lazy pages',
    features.lazyPages,
    'memory can be loaded after a restore (userfaultfd)',
    'memory cannot be loaded after a restore (no userfaultfd)',
    'For that, boot a kernel with CONFIG_USERFAULTFD.',
  );
  if (pagemapScan !== undefined) {
    say(
      'pagemap scan',
      pagemapScan,
      'pages are listed fast (PAGEMAP_SCAN)',
      'pages are listed one by one (no PAGEMAP_SCAN, which Linux 6.7 brought): checkpoints of much memory take longer',
      'Boot a newer kernel where that matters.',
    );
  }
  return findings;
}

/** What sends pages to another host wants pipes of this size. */
const pipeBytes = 4 << 20;

/** @param maximum fs.pipe-max-size in bytes */
export function pipeFinding(maximum: number, mayExceed: boolean): Finding {
  const subject = 'fs.pipe-max-size';
  if (maximum >= pipeBytes || mayExceed) return { subject, state: 'ok', text: `${subject} is ${maximum}` };
  return {
    subject,
    state: 'limited',
    text: `${subject} is ${maximum}: sending memory after a restore fails, and takes both sides with it`,
    next: `sysctl -w ${subject}=${pipeBytes}`,
  };
}

/** @param mounts of /proc/self/mountinfo */
export function cgroupFinding(mounts: string): Finding {
  const kinds = mounts.split('\n').flatMap((line) => {
    const [kind] = line.split(' - ')[1]?.split(' ') ?? [];
    return kind === 'cgroup' || kind === 'cgroup2' ? [kind] : [];
  });
  const subject = 'cgroups';
  const [one, two] = [kinds.includes('cgroup'), kinds.includes('cgroup2')];
  if (one && two) {
    return {
      subject,
      state: 'limited',
      text: 'cgroups are hybrid (v1 and v2): crun refuses to checkpoint, and restores may fail',
      next: 'Boot with systemd.unified_cgroup_hierarchy=1 for pure v2, or use runc.',
    };
  }
  if (!one && !two) return { subject, state: 'limited', text: 'no cgroups are mounted', next: 'Mount cgroup v2.' };
  return { subject, state: 'ok', text: two ? 'cgroups are v2' : 'cgroups are v1' };
}

/** @param scope kernel.yama.ptrace_scope, `undefined` where there is no Yama */
export function ptraceFinding(scope: number | undefined): Finding {
  const subject = 'kernel.yama.ptrace_scope';
  if (scope !== 3) return { subject, state: 'ok', text: 'processes may be traced' };
  return {
    subject,
    state: 'missing',
    text: `${subject} is 3: no process may be traced, not even by root, until the next boot`,
    next: `Remove it from /etc/sysctl.d and boot.`,
  };
}

function numbers(version: string): readonly number[] {
  return version.split(/[.-]/).slice(0, 2).map(Number);
}

function isBefore([major = 0, minor = 0]: readonly number[], [wanted = 0, least = 0]: readonly number[]): boolean {
  return major < wanted || (major === wanted && minor < least);
}
