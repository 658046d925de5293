/** Hosts whose system is delivered as an image: ostree and bootc. Out of files, for `rpm-ostree` would start a daemon. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { type Places, places } from './places.ts';
import { redactCommand } from '../kernel/redact-command.ts';
import { type Contents, contentsBelow } from './reading.ts';

export const imageSchema = z.object({
  kind: z.enum(['ostree', 'bootc']),
  /** Whether the system that runs was started from one of the deployments. */
  booted: z.boolean(),
  deployments: z.array(
    z.object({
      /** The name under which a system is installed, as `fedora-coreos`. */
      os: z.string(),
      /** The commit, and which deployment of it. */
      checksum: z.string(),
      serial: z.number().int().nonnegative(),
      /** The container image or branch that it follows. */
      origin: z.string().exactOptional(),
    }),
  ),
});

export type Image = z.infer<typeof imageSchema>;

const file = /^\/ostree\/deploy\/([^/]+)\/deploy\/([0-9a-f]+)\.(\d+)\.origin$/;

/** Of the `.origin` files beside the deployments. */
export function parseDeployments(contents: Contents): Image['deployments'] {
  return [...contents]
    .flatMap(([path, content]) => {
      const [, os, checksum, serial] = file.exec(path) ?? [];
      if (os === undefined || checksum === undefined) return [];
      const origin = /^(?:container-image-reference|refspec|baserefspec)\s*=\s*(\S.*?)\s*$/m.exec(content)?.[1];
      return [
        {
          os,
          checksum,
          serial: Number(serial),
          ...(origin === undefined ? {} : { origin: redactCommand(origin) }),
        },
      ];
    })
    .sort((a, b) => (`${a.os} ${a.checksum} ${a.serial}` < `${b.os} ${b.checksum} ${b.serial}` ? -1 : 1));
}

/** `undefined` on a host that is installed package by package. */
export async function captureImage(asker: Asker, there: Places): Promise<Image | undefined> {
  const booted = there.has('ostreeBooted');
  // A repository of ostree by itself, such as that of flatpak, does not make the system an image.
  if (!booted && !there.has('ostree')) return undefined;
  const contents = there.has('ostree')
    ? await contentsBelow(asker, {
        subject: 'deployments of ostree',
        find: [places.ostree, '-mindepth', '3', '-maxdepth', '3', '-name', '*.origin'],
        end: /\.origin:/,
      })
    : new Map<string, string>();
  const kind = there.has('bootc') || there.has('bootcTool') ? 'bootc' : 'ostree';
  return { kind, booted, deployments: parseDeployments(contents) };
}
