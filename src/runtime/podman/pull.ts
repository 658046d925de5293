/**
 * Layers of images that a backup had left out, brought back into a storage of podman that still knows them. Pulled the ordinary way they would be
 * taken to be there. So the image is pulled into a storage beside it, where its layers have the same ids, as these are hashes of what
 * is in them, and what is missing is moved over.
 */
import { dirname } from 'node:path/posix';
import { anyCode } from '../../host/any-code.ts';
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { pullReference, type StoredImage } from '../model/image.ts';

/**
 * @param missing paths of layers of this image
 * @param from where the image is, in podman's words. @default the registry that its name says
 * @throws LifeboatError `not-found` when no registry is known to have it, or what came is not what is missing; `command-failed` as podman says;
 *   layers that were brought until then stay
 */
export async function pullLayers(
  host: Host,
  image: StoredImage,
  missing: readonly string[],
  signal: AbortSignal,
  from: string | undefined = registryOf(image),
): Promise<void> {
  const name = image.names[0] ?? image.id;
  if (from === undefined)
    throw new LifeboatError('not-found', `no registry is known to have the image ${name}`, {
      hint: 'Bring it back from a point that holds it, or build it again.',
    });
  // On the same filesystem, so that a layer is there whole or not at all.
  const { stdout } = await host.run(['mktemp', '-d', `${dirname(image.storage)}/lifeboat-pull-XXXXXX`], {}, signal);
  const work = stdout.toString().trim();
  try {
    const own = ['--root', `${work}/root`, '--runroot', `${work}/run`, '--storage-driver', 'overlay'];
    await host.run(['podman', ...own, 'pull', '--quiet', from], { timeoutMs: pullTimeoutMs }, signal);
    for (const path of missing)
      await moveLayer(host, `${work}/root${path.slice(image.storage.length)}`, path, name, signal);
  } finally {
    // Podman mounts its storage upon itself.
    const end = new AbortController().signal;
    await host.run(['umount', '--lazy', `${work}/root/overlay`], { okCodes: anyCode }, end);
    await host.run(['rm', '--recursive', '--force', '--one-file-system', work], {}, end);
  }
}

const pullTimeoutMs = 3_600_000;

function registryOf(image: StoredImage): string | undefined {
  const reference = pullReference(image);
  return reference === undefined ? undefined : `docker://${reference}`;
}

async function moveLayer(host: Host, came: string, path: string, name: string, signal: AbortSignal): Promise<void> {
  const { code } = await host.run(['test', '-d', came], { okCodes: [0, 1] }, signal);
  if (code !== 0)
    throw new LifeboatError('not-found', `what was pulled as ${name} has no layer for ${path}`, {
      hint: 'It was packed in another way when it was first pulled. Remove the image with "podman rmi --force" and pull it again.',
    });
  await host.run(['mv', '--no-target-directory', '--', came, path], {}, signal);
}
