/** Kernels: the command line of the running one, those that are installed, and how it keeps processes apart. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { type Places, places } from './places.ts';
import { redactCommand } from '../kernel/redact-command.ts';

export const cgroupSchema = z.object({
  /** `hybrid`: version 1 with the tree of version 2 beside it. */
  version: z.enum(['v1', 'v2', 'hybrid']),
  controllers: z.array(z.string()),
});

export const securitySchema = z.object({
  /** Linux security modules that are active, in their order; absent where the kernel does not say. */
  modules: z.array(z.string()).exactOptional(),
  selinux: z
    .object({
      mode: z.enum(['enforcing', 'permissive', 'disabled']),
      /** What the next boot will have, as /etc/selinux/config says. */
      configured: z.string().exactOptional(),
      policy: z.string().exactOptional(),
    })
    .exactOptional(),
  apparmor: z.object({ enabled: z.boolean() }).exactOptional(),
});

type Cgroup = z.infer<typeof cgroupSchema>;
type Security = z.infer<typeof securitySchema>;

export async function captureCgroup(asker: Asker, there: Places): Promise<Cgroup | undefined> {
  if (there.has('cgroup2')) {
    const controllers = await asker.file(places.cgroup2, (text) => text.split(/\s+/).filter(Boolean));
    return controllers === undefined ? undefined : { version: 'v2', controllers: controllers.sort() };
  }
  if (there.unknown === true) return undefined;
  const controllers = await asker.file('/proc/cgroups', parseCgroups, { mayBeAbsent: true });
  if (controllers === undefined) return undefined;
  return { version: there.has('cgroupHybrid') ? 'hybrid' : 'v1', controllers };
}

/** Those that are not switched off. */
export function parseCgroups(content: string): string[] {
  if (!content.startsWith('#subsys_name')) throw new Error('not a list of controllers');
  return content
    .split('\n')
    .flatMap((line) => {
      const [name, , , enabled] = line.split('\t');
      return name !== undefined && !name.startsWith('#') && enabled === '1' ? [name] : [];
    })
    .sort();
}

export const securityFiles = {
  lsm: '/sys/kernel/security/lsm',
  enforce: places.selinux,
  config: '/etc/selinux/config',
  apparmor: '/sys/module/apparmor/parameters/enabled',
} as const;

export async function captureSecurity(asker: Asker): Promise<Security | undefined> {
  const read = await Promise.all(
    Object.values(securityFiles).map(async (path) => {
      const content = await asker.file(path, (text) => text, { mayBeAbsent: true });
      return [path, content] as const;
    }),
  );
  if (read.every(([path]) => asker.gaps.some(({ subject }) => subject === path))) return undefined;
  return parseSecurity(new Map(read.flatMap(([path, content]) => (content === undefined ? [] : [[path, content]]))));
}

/** Of the files above, any of which may be missing. */
export function parseSecurity(contents: ReadonlyMap<string, string>): Security {
  const modules = contents.get(securityFiles.lsm)?.trim().split(',').filter(Boolean);
  const enforce = contents.get(securityFiles.enforce)?.trim();
  const config = contents.get(securityFiles.config);
  const configured = config === undefined ? undefined : /^\s*SELINUX=\s*(\w+)/m.exec(config)?.[1];
  const policy = config === undefined ? undefined : /^\s*SELINUXTYPE=\s*(\w+)/m.exec(config)?.[1];
  const apparmor = contents.get(securityFiles.apparmor)?.trim();
  const mode = enforce === '1' ? 'enforcing' : enforce === '0' ? 'permissive' : 'disabled';
  return {
    ...(modules === undefined ? {} : { modules }),
    ...(enforce === undefined && configured === undefined
      ? {}
      : {
          selinux: {
            mode,
            ...(configured === undefined ? {} : { configured }),
            ...(policy === undefined ? {} : { policy }),
          },
        }),
    ...(apparmor === undefined ? {} : { apparmor: { enabled: apparmor === 'Y' } }),
  };
}

/** What the boot loader handed over, without passwords. */
export async function captureCommandLine(asker: Asker): Promise<string | undefined> {
  return await asker.file('/proc/cmdline', (text) => {
    if (text.includes('\0')) throw new Error('not a command line');
    return redactCommand(text.trim());
  });
}

/** Releases that have a directory of modules: these can be booted. */
export async function captureKernels(asker: Asker, there: Places): Promise<string[] | undefined> {
  if (!there.has('kernels')) return there.unknown === true ? undefined : [];
  const releases = await asker.ask({
    argv: ['ls', places.kernels],
    subject: 'installed kernels',
    parse: (stdout) => stdout.split('\n').filter((name) => /^\d+\.\d+/.test(name)),
  });
  return releases?.sort();
}
