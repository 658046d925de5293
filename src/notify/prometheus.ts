/** The state of a host for the textfile collector of Prometheus's node_exporter. */
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import type { LastDrill, Status } from './status.ts';

type Labels = Readonly<Record<string, string>>;

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly (readonly [labels: Labels, value: number])[];
}

/** Replaces the file; node_exporter, which runs as another user, can read it. */
export async function writeMetrics(path: string, status: Status): Promise<void> {
  await writeFileAtomic(path, metricsText(status), 0o644);
}

/**
 * What is not known has no sample: an alert on a missing metric is right, one on a made-up number is not. Times, not ages, so
 * that a scheduler that died makes nothing look fresh.
 */
export function metricsText(status: Status): string {
  const host = { host: status.host };
  const { newest, newestVerified, rpo, jobs, lastDrill, lastPassedDrill, drill, rto } = status;
  const { lastFilesDrill, lastPassedFilesDrill, lastRecovery } = status;
  const one = (value: number | undefined): Metric['samples'] => (value === undefined ? [] : [[host, value]]);
  const ofJobs = (value: (job: Status['jobs'][number]) => number | undefined): Metric['samples'] =>
    jobs.flatMap((job) => {
      const known = value(job);
      return known === undefined ? [] : [[{ ...host, job: job.name }, known] as const];
    });
  const drillMetrics = (
    name: string,
    what: string,
    last: LastDrill | undefined,
    passed: LastDrill | undefined,
  ): Metric[] => [
    {
      name: `${name}_timestamp_seconds`,
      help: `When the last ${what} ended, however it went.`,
      samples: one(seconds(last?.at)),
    },
    {
      name: `${name}_passed`,
      help: `1 when the last ${what} passed.`,
      samples: one(last && (last.result === 'passed' || last.result === 'sampled' ? 1 : 0)),
    },
    {
      name: `${name.replace('last_', 'last_passed_')}_timestamp_seconds`,
      help: `When the last ${what} ended that passed.`,
      samples: one(seconds(passed?.at)),
    },
  ];
  const metrics: Metric[] = [
    { name: 'status_timestamp_seconds', help: 'When this was written.', samples: one(seconds(status.at)) },
    {
      name: 'green',
      help: '1 when everything is proven: no finding of lifeboat status.',
      samples: one(status.green ? 1 : 0),
    },
    { name: 'findings', help: 'Findings of lifeboat status.', samples: one(status.findings.length) },
    { name: 'points', help: 'Recovery points of this host in the repository.', samples: one(status.points) },
    {
      name: 'newest_point_timestamp_seconds',
      help: 'When the newest point arrived in the repository.',
      samples: one(seconds(newest?.arrivedAt)),
    },
    {
      name: 'newest_verified_point_timestamp_seconds',
      help: 'When the newest point that was read back arrived in the repository.',
      samples: one(seconds(newestVerified?.arrivedAt)),
    },
    { name: 'newest_verified_point_bytes', help: 'Size of its files.', samples: one(newestVerified?.bytes) },
    {
      name: 'newest_verified_point_stored_bytes',
      help: 'What it takes in the repository.',
      samples: one(newestVerified?.storedBytes),
    },
    { name: 'rpo_seconds', help: 'How old the newest verified point may be.', samples: one(rpo?.targetSeconds) },
    ...drillMetrics('last_drill', 'drill in a virtual machine', lastDrill ?? undefined, lastPassedDrill),
    ...drillMetrics('last_files_drill', 'drill of the files alone', lastFilesDrill, lastPassedFilesDrill),
    ...drillMetrics('last_recovery', 'recovery of the machine itself', lastRecovery, undefined),
    {
      name: 'measured_rto_seconds',
      help: 'How long the last drill of a machine took that did not fail.',
      samples: one(lastPassedDrill?.rtoSeconds),
    },
    {
      name: 'measured_rpo_seconds',
      help: 'How old its point was when it began.',
      samples: one(lastPassedDrill?.rpoSeconds),
    },
    {
      name: 'drill_every_seconds',
      help: 'How old the last drill that passed may be.',
      samples: one(drill?.targetSeconds),
    },
    { name: 'rto_seconds', help: 'How long a recovery may take.', samples: one(rto?.targetSeconds) },
    {
      name: 'recovery_code_proven',
      help: '1 when it was proven that the recovery code opens the repository.',
      samples: one(status.recovery === 'proven' ? 1 : 0),
    },
    {
      name: 'job_last_start_timestamp_seconds',
      help: 'When the last run of a job began.',
      samples: ofJobs(({ last }) => seconds(last?.startedAt)),
    },
    {
      name: 'job_last_end_timestamp_seconds',
      help: 'When it ended.',
      samples: ofJobs(({ last }) => seconds(last?.endedAt)),
    },
    { name: 'job_last_exit_status', help: 'Its exit status.', samples: ofJobs(({ last }) => last?.exitStatus) },
    {
      name: 'job_next_run_timestamp_seconds',
      help: 'When the next run is due.',
      samples: ofJobs(({ next }) => seconds(next)),
    },
  ];
  return metrics
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, help, samples }) => {
      const lines = samples.map(([labels, value]) => `lifeboat_${name}{${labelText(labels)}} ${value}\n`);
      return `# HELP lifeboat_${name} ${help}\n# TYPE lifeboat_${name} gauge\n${lines.join('')}`;
    })
    .join('');
}

function seconds(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time) / 1000;
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(
      ([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
    )
    .join(',');
}
