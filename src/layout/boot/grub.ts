/** What the loaders of one GRUB have in common: its configuration, its settings, its version. */
import { present } from '../../kernel/present.ts';
import { redactText } from '../../kernel/secret.ts';
import { shellAssignments } from './command-line.ts';
import type { Found } from './found.ts';
import type { Loader } from './loader-schema.ts';

/** @param platform as GRUB names it: `i386-pc`, `x86_64-efi`; absent where it is not known */
export function grubOf(
  { bootFiles, texts }: Found,
  platform?: string,
): Pick<Loader, 'config' | 'settings' | 'version'> {
  const config = bootFiles.map(({ path }) => path).filter((path) => /^\/boot\/grub2?\/grub\.cfg$/.test(path));
  const settings = grubSettings(texts);
  return {
    config,
    ...present({
      settings: Object.keys(settings).length === 0 ? undefined : settings,
      version: platform === undefined ? undefined : versionOf(texts, platform),
    }),
  };
}

/** All values of `/etc/default/grub` and what changes them. */
export function grubValues(texts: Found['texts']): Record<string, string> {
  // `grub` sorts before `grub.d/…`, as update-grub(8) reads them.
  const files = [...texts.keys()].filter((path) => path.startsWith('/etc/default/grub')).sort();
  return files.reduce<Record<string, string>>((known, path) => shellAssignments(texts.get(path) ?? [], known), {});
}

/** But for command lines, which are told with the boot. */
function grubSettings(texts: Found['texts']): Record<string, string> {
  const values = Object.entries(grubValues(texts)).filter(
    ([name]) => name.startsWith('GRUB_') && !name.startsWith('GRUB_CMDLINE_'),
  );
  return Object.fromEntries(values.map(([name, value]) => [name, redactText(value)]));
}

/** grub-install(8) leaves it beside the modules. */
function versionOf(texts: Found['texts'], platform: string): string | undefined {
  const lines = [...texts].find(([path]) => path.endsWith(`/${platform}/modinfo.sh`))?.[1] ?? [];
  return lines.map((line) => /^grub_version="?([^"]+)"?$/.exec(line)?.[1]).find((version) => version !== undefined);
}
