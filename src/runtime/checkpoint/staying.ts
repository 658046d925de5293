/** Of runtimes that keep the definition and the files of a container where they are: only CRIU's images go into the file, and a restore puts them beside the rest. */
import { join } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import type { Container } from '../model/container.ts';

/** A file that a restore goes by, and its name in the tree of a checkpoint. */
export interface Definition {
  readonly path: string;
  readonly kept: string;
}

/** @param tree of the checkpoint */
export async function keepDefinition(
  host: Host,
  { path, kept }: Definition,
  tree: string,
  signal: AbortSignal,
): Promise<void> {
  await host.run(['cp', '--', path, join(tree, kept)], {}, signal);
}

/** @throws LifeboatError `refused` where it is not what it was when it was kept */
export async function refuseChanged(
  host: Host,
  { path, kept }: Definition,
  tree: string,
  signal: AbortSignal,
): Promise<void> {
  const was = await host.read(join(tree, kept), {}, signal);
  if (was.equals(await host.read(path, {}, signal))) return;
  throw new LifeboatError('refused', `${path} is not what it was at the checkpoint`, {
    hint: `Nothing was made. As it was it is in the file: tar --extract --to-stdout --file FILE ./${kept}`,
  });
}

/** @returns why a container of such a runtime is not restored under another name, in words */
export function renamed(runtime: string, container: Container, name: string | undefined): readonly string[] {
  return name === undefined || name === container.name
    ? []
    : [
        `${runtime} keeps what ${container.name} is under that name, so that it cannot be restored under another name: leave out --name`,
      ];
}

/**
 * CRIU's images that a checkpoint has left in its directory.
 *
 * @param look how somebody sees in what state the container is
 * @throws LifeboatError `failed` where there is nothing to make it run again from: then what is there must stay
 */
export async function wholeImages(
  host: Host,
  { id }: Container,
  work: string,
  look: string,
  signal: AbortSignal,
): Promise<string> {
  const images = join(work, 'tree', 'checkpoint');
  // Written last but for the statistics.
  const { code } = await host.run(['test', '-s', join(images, 'inventory.img')], { okCodes: [0, 1] }, signal);
  if (code === 0) return images;
  throw new LifeboatError('failed', `what was written of ${id} is not whole, and nothing was done to it`, {
    hint: `Look how it is: ${look}. Then remove ${work}.`,
  });
}
