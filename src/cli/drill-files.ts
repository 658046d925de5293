/** A drill without a machine: all files of a point restored into a directory, and each compared with what the point says. */
import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Config } from '../config/schema.ts';
import { Clock } from '../drill/clock.ts';
import { DRILL_FORMAT, type DrillReport } from '../drill/report.ts';
import { checkSpace } from '../drill/room.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { formatDuration } from '../kernel/units.ts';
import { abortError, limited, throwIfAborted } from '../kernel/wait.ts';
import { findPoint } from '../point/find.ts';
import { proveFiles } from '../prove/files.ts';
import type { FilesProof } from '../prove/proof.ts';
import { typedState } from '../steps/define.ts';
import type { OpenRepository } from '../steps/repository.ts';
import { pointJob } from '../steps/restore-plan.ts';
import { startRun } from '../workflow/runs.ts';
import { restore } from '../../workflows/restore.ts';
import { type DrillPlace, limitOf, spaceAt } from './drill-place.ts';
import { deniedHere, deniedText } from './drill-rights.ts';
import type { Session } from './session.ts';
import { version } from './version.ts';

export interface FilesRequest {
  readonly point: string;
  readonly hostName: string;
  readonly place: Pick<DrillPlace, 'evidence' | 'scratch'>;
  /** Where the files stay. @default they are removed */
  readonly keep?: string;
}

/** @throws LifeboatError `no-space`, `not-found`; that the files cannot be restored is a result */
export async function filesDrill(
  { point: named, hostName, place: { evidence, scratch }, keep }: FilesRequest,
  config: Config,
  repository: OpenRepository,
  session: Session,
): Promise<DrillReport> {
  const { signal: asked } = session;
  const { point } = await findPoint(repository, hostName, named, asked);
  const directory = join(keep === undefined ? scratch : resolve(keep), 'restored');
  await mkdir(join(directory, '..'), { recursive: true });
  checkSpace('the files', point.data.bytes, await spaceAt(join(directory, '..')));
  const limitMs = limitOf(config, point.data.bytes);
  using limit = limited(asked, limitMs, () => late(limitMs));
  const { signal } = limit;
  const at = new Date();
  const clock = new Clock();
  let problem: string | undefined;
  let proof: FilesProof | undefined;
  const request = { paths: [], directory };
  const inputs = { config, hostName, pointName: point.id, restoreRequest: request };
  const outcome = await clock.phase('restore', async () => await startRun(restore, inputs, session.context, signal));
  throwIfAborted(asked);
  if (outcome.error !== undefined) problem = signal.aborted ? abortError(signal).message : outcome.error.message;
  const found = outcome.report.findings.map(({ subject, problem }) => `${subject}: ${problem}`);
  if (outcome.error === undefined && typedState(outcome.state).restored !== undefined) {
    proof = await clock.phase('prove', async () => {
      const { entries, bytes } = point.data;
      const job = pointJob(repository, point);
      const recovery = {
        entries: () => repository.engine.entries(job, signal),
        total: { entries, bytes },
        root: await realpath(directory),
        changed: [],
      };
      return await proveFiles(recovery, () => {}, signal).catch((error: unknown) => {
        throwIfAborted(asked);
        problem = asLifeboatError(error).message;
        return undefined;
      });
    });
    if (proof !== undefined && proof.wrong > 0)
      problem = [`${proof.wrong} entries are not what the point says`, ...found].join('\n');
  }
  if (problem !== undefined) {
    const denied = await deniedHere(join(directory, '..'));
    if (denied.length > 0) problem = `${problem}\n${deniedText(denied)}`;
  }
  if (proof !== undefined) await writeFile(join(evidence, 'proof.json'), `${JSON.stringify(proof, null, 2)}\n`);
  const result = problem !== undefined || proof === undefined ? 'failed' : proof.sampled ? 'sampled' : 'passed';
  return {
    format: DRILL_FORMAT,
    what: 'files',
    host: hostName,
    point: point.id,
    pointMadeAt: point.createdAt,
    repository: repository.target.url,
    version: version(),
    at: at.toISOString(),
    result,
    ...present({ problem }),
    seconds: clock.spent(),
    rpoSeconds: Math.max(0, Math.round((at.getTime() - Date.parse(point.createdAt)) / 1000)),
    phases: clock.phases,
    ...(proof === undefined ? {} : { recovery: { result, proof: countsOf(proof) } }),
    checks: proof === undefined ? [] : [checkOf(proof)],
    evidence: {},
  };
}

function late(limitMs: number): LifeboatError {
  return new LifeboatError('step-timeout', `the drill did not end within ${formatDuration(limitMs)}`, {
    hint: 'If it needs longer, set drill.limit.',
  });
}

const countsOf = ({ total, checked, bytes, wrong }: FilesProof) => ({
  entries: total,
  files: checked,
  bytes,
  wrong,
  graph: 0,
  boot: 0,
  mounts: 0,
});

function checkOf({ total, checked, wrong, different, missing }: FilesProof): DrillReport['checks'][number] {
  const [first] = [
    ...missing.map((path) => `${path} is missing`),
    ...different.map(({ path, differences }) => `${path}: ${differences.join('; ')}`),
  ];
  const all = `${total} entries compared with the point, the content of ${checked} files read back`;
  return { name: 'files', passed: wrong === 0, detail: first === undefined ? all : `${wrong} wrong: ${first}` };
}
