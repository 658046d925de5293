/** Carries a plan for a configuration out: all files are written beside the old ones first, and then take their places one by one. */
import { dirname, join } from 'node:path/posix';
import type { Host } from '../../../host/host.ts';
import { asLifeboatError, LifeboatError } from '../../../kernel/errors.ts';
import { nameFromBytes, printable } from '../../../kernel/text.ts';
import type { PlannedFile, WrittenPlan } from '../document.ts';
import { filesBelow, realRoot, stagedPath, writeLike } from './files.ts';
import { contentDigest, rewritten } from './rewrite.ts';
import { fromRecords, type Identities } from './identities.ts';

/**
 * Who is killed gives the same plan again.
 *
 * @throws LifeboatError `refused` before the first write, where a file is neither as the plan saw it nor as it says
 */
export async function applyWritten(
  plan: WrittenPlan,
  host: Host,
  say: (path: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const identities = fromRecords(plan.identities);
  const top = await realRoot(host, plan.root, signal);
  const now = await filesBelow(host, plan.root, signal);
  const staged = new Map<PlannedFile, string>();
  for (const file of plan.files) {
    const { path, after } = file;
    const there = now.get(finalPath(file));
    const isDone = there !== undefined && contentDigest(finalPath(file), there) === after;
    const waiting = await contentOf(host, join(top, stagedPath(finalPath(file))), signal);
    if (waiting !== undefined && contentDigest(finalPath(file), waiting) === after) staged.set(file, waiting);
    else if (!isDone) staged.set(file, newContent(file, now.get(path), identities));
  }
  for (const [file, content] of staged) {
    const waiting = join(top, stagedPath(finalPath(file)));
    const like = now.has(file.path) ? file.path : finalPath(file);
    if ((await contentOf(host, waiting, signal)) !== content)
      await writeLike(host, join(top, like), waiting, content, signal);
  }
  const places = new Set(plan.files.map(finalPath));
  for (const file of plan.files) {
    const path = finalPath(file);
    say(path);
    if (staged.has(file))
      await host.run(['mv', '-f', '-T', '--', join(top, stagedPath(path)), join(top, path)], {}, signal);
    if (!places.has(file.path)) await host.run(['rm', '-f', '--', join(top, file.path)], {}, signal);
    await host.run(['sync', '--', join(top, dirname(path))], {}, signal);
  }
  await refuseUnproven(plan, host, signal);
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

async function contentOf(host: Host, path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return nameFromBytes(await host.read(path, {}, signal));
  } catch (error) {
    if (asLifeboatError(error).code === 'not-found') return undefined;
    throw error;
  }
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
