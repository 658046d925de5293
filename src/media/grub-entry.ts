/** The entry of the rescue system in the menu of a host's own GRUB: put there, and taken away again. */
import type { Argv, Host } from '../host/host.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import type { MenuEntry } from './formats/format.ts';
import { inMemoryEntries } from './formats/in-memory.ts';

/** Where the files are, in the host. */
export const grubFolder = '/boot/lifeboat';
const script = '/etc/grub.d/42_lifeboat';

/** How the menu is made from its scripts, on Debian and elsewhere, and where it lies then. */
const makers: readonly { readonly argv: Argv; readonly menu: string }[] = [
  { argv: ['update-grub'], menu: '/boot/grub/grub.cfg' },
  { argv: ['grub-mkconfig', '-o', '/boot/grub/grub.cfg'], menu: '/boot/grub/grub.cfg' },
  { argv: ['grub2-mkconfig', '-o', '/boot/grub2/grub.cfg'], menu: '/boot/grub2/grub.cfg' },
];
const limitMs = 600_000;

/**
 * For files that are in {@link grubFolder}. When it fails, the menu is as it was.
 *
 * @param host the system itself, also one that is mounted somewhere
 * @throws LifeboatError `tool-missing` where there is no GRUB; `command-failed`
 */
export async function addGrubEntry(
  host: Host,
  id: string,
  entries: readonly MenuEntry[],
  signal: AbortSignal,
): Promise<void> {
  const before = await textOf(host, script, signal);
  await host.write(script, Buffer.from(grubScript(id, inMemoryEntries(entries))), { mode: 0o755 }, signal);
  try {
    const menu = await makeMenu(host, signal);
    if ((await textOf(host, menu, signal))?.includes(`lifeboat.medium=${id}`) !== true) {
      throw new LifeboatError('command-failed', `the menu in ${menu} did not get the entry of the rescue system`, {
        hint: `Look at what ${script} prints.`,
      });
    }
  } catch (error) {
    const after = AbortSignal.timeout(limitMs);
    if (before === undefined) await host.run(['rm', '-f', script], {}, after);
    else await host.write(script, Buffer.from(before), { mode: 0o755 }, after);
    await makeMenu(host, after).catch(() => undefined);
    throw error;
  }
}

/** @returns whether there was one */
export async function removeGrubEntry(host: Host, signal: AbortSignal): Promise<boolean> {
  const was = (await textOf(host, script, signal)) !== undefined;
  if (was) {
    await host.run(['rm', '-f', script], {}, signal);
    // Before the files go: no entry may name what is not there.
    await makeMenu(host, signal);
  }
  await host.run(['rm', '-rf', grubFolder], {}, signal);
  return was;
}

/** @returns where it is */
async function makeMenu(host: Host, signal: AbortSignal): Promise<string> {
  for (const { argv, menu } of makers) {
    try {
      await host.run(argv, { timeoutMs: limitMs }, signal);
      return menu;
    } catch (error) {
      if (asLifeboatError(error).code !== 'tool-missing') throw error;
    }
  }
  throw new LifeboatError('tool-missing', 'this host has no GRUB whose menu is made from /etc/grub.d', {
    hint: 'Take another format: an iso or a stick starts any machine.',
  });
}

async function textOf(host: Host, path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await host.read(path, {}, signal)).toString();
  } catch (error) {
    if (asLifeboatError(error).code === 'not-found') return undefined;
    throw error;
  }
}

/** What prints the entries. How GRUB reaches the filesystem with the files, grub-mkconfig's own library says. */
export function grubScript(id: string, entries: readonly MenuEntry[]): string {
  const texts = entries.map(
    ({ title, words }) => `cat <<'END'
menuentry '${title}' --class lifeboat {
END
prepare_grub_to_access_device $device | sed 's/^/  /'
echo "  set folder='$folder'"
cat <<'END'
  linux $folder/vmlinuz ${words.join(' ')}
  initrd $folder/initrd
}
END
`,
  );
  return `#!/bin/sh
# The rescue system of lifeboat. "lifeboat rescue build --format grub --remove" takes it away.
set -e
directory=${grubFolder}
[ -e "$directory/${id}" ] || exit 0
. "\${pkgdatadir:-/usr/share/grub}/grub-mkconfig_lib"
device=\${GRUB_DEVICE_BOOT:-$(\${grub_probe} --target=device "$directory")}
folder=$(make_system_path_relative_to_its_root "$directory")
echo "Found rescue system: $directory" >&2
${texts.join('')}`;
}
