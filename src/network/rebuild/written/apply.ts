/** Carries a plan for a configuration out: all files are written beside the old ones first, and then take their places one by one. */
import { dirname, join, normalize } from 'node:path/posix';
import type { Host } from '../../../host/host.ts';
import { LifeboatError } from '../../../kernel/errors.ts';
import { nameFromBytes, printable } from '../../../kernel/text.ts';
import { isConfig } from '../../places.ts';
import type { PlannedFile, WrittenPlan } from '../document.ts';
import { filesBelow, realRoot, refuseStrays, regularFiles, stagedPath, writeLike } from './files.ts';
import { renamedPath } from './names.ts';
import { refuseTaken } from './plan.ts';
import { contentDigest, rewritten } from './rewrite.ts';
import { fromRecords, type Identities } from './identities.ts';

/**
 * Who is killed gives the same plan again.
 *
 * @throws LifeboatError `refused` before the first write, where a file is neither as the plan saw it nor as it says, or is none that a plan
 *   changes
 */
export async function applyWritten(
  plan: WrittenPlan,
  host: Host,
  say: (path: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const identities = fromRecords(plan.identities);
  refuseOthers(plan, identities);
  const top = await realRoot(host, plan.root, signal);
  const now = await filesBelow(host, plan.root, signal);
  const waitingAt = (file: PlannedFile): string => join(top, stagedPath(finalPath(file)));
  const waiting = plan.files.map(waitingAt);
  await refuseStrays(host, waiting.map(dirname), signal);
  const earlier = await regularFiles(host, waiting, signal);
  const staged = new Set<PlannedFile>();
  const missing = new Map<PlannedFile, string>();
  for (const file of plan.files) {
    const isAfter = (content: string | undefined): boolean =>
      content !== undefined && contentDigest(finalPath(file), content) === file.after;
    const path = waitingAt(file);
    if (earlier.has(path) && isAfter(nameFromBytes(await host.read(path, {}, signal)))) staged.add(file);
    else if (!isAfter(now.get(finalPath(file)))) missing.set(file, newContent(file, now.get(file.path), identities));
  }
  // One that is killed goes on with some in their places already.
  const done = new Set(plan.files.filter((file) => !missing.has(file)).map(finalPath));
  refuseTaken(plan.files, new Set([...now.keys()].filter((path) => !done.has(path))));
  for (const [file, content] of missing) {
    await writeLike(host, join(top, file.path), waitingAt(file), content, signal);
    staged.add(file);
  }
  const places = new Set(plan.files.map(finalPath));
  for (const file of plan.files) {
    const path = finalPath(file);
    say(path);
    if (staged.has(file)) await host.run(['mv', '-f', '-T', '--', waitingAt(file), join(top, path)], {}, signal);
    if (!places.has(file.path)) await host.run(['rm', '-f', '--', join(top, file.path)], {}, signal);
    await host.run(['sync', '--', join(top, dirname(path))], {}, signal);
  }
  await refuseUnproven(plan, host, signal);
}

/** Only files of configuration, and by the names that follow from those of links: a plan may have been edited by hand. */
function refuseOthers({ files }: WrittenPlan, { names }: Identities): void {
  const other = files.find(
    (file) =>
      !isConfig(file.path) ||
      [file.path, finalPath(file)].some((path) => normalize(path) !== path) ||
      renamedPath(file.path, names) !== finalPath(file),
  );
  if (other === undefined) return;
  throw new LifeboatError('refused', printable(`no plan changes ${other.path} to ${finalPath(other)}`), {
    hint: 'Make the plan again with "lifeboat network plan"; one that was edited by hand is not carried out.',
  });
}

const finalPath = ({ path, renamedTo }: PlannedFile): string => renamedTo ?? path;

function newContent(file: PlannedFile, content: string | undefined, identities: Identities): string {
  const { path, before, after } = file;
  const now = content === undefined ? undefined : rewritten(path, content, identities);
  if (
    content !== undefined &&
    now !== undefined &&
    contentDigest(path, content) === before &&
    contentDigest(finalPath(file), now) === after
  ) {
    return now;
  }
  throw new LifeboatError('refused', printable(`${path} is not as it was when the plan was made`), {
    hint: 'Make the plan again, and look what it would change now.',
  });
}

async function refuseUnproven({ files, root }: WrittenPlan, host: Host, signal: AbortSignal): Promise<void> {
  const after = await filesBelow(host, root, signal);
  const wrong = files.filter((file) => {
    const content = after.get(finalPath(file));
    return content === undefined || contentDigest(finalPath(file), content) !== file.after;
  });
  if (wrong[0] === undefined) return;
  throw new LifeboatError('failed', printable(`${wrong.map(finalPath).join(', ')}: not as the plan says`));
}
