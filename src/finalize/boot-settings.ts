/** Command lines of kernels wherever they are set: for GRUB, in boot entries, for kernels that carry their own. */
import { commandLineOf } from './command-lines.ts';
import { espsOf } from './esp.ts';
import { layersOf } from './layers.ts';
import { type Rewritten, rewriteDeed } from './rewrite.ts';
import type { Deed } from './scene.ts';
import { type Site, type Subject, filesBelow } from './site.ts';

export const grubSettings = ['/etc/default/grub', '/etc/default/grub.d'];
export const kernelCommandLine = '/etc/kernel/cmdline';

export const bootSettings: Subject = {
  name: 'boot-settings',
  async plan(site, signal) {
    const { scene } = site;
    const now = layersOf(scene.layout, scene.root);
    const change = commandLineOf(layersOf(scene.captured.layout), now);
    const deeds: Deed[] = [];
    for (const path of await placesOf(site, signal)) {
      deeds.push(...(await rewriteDeed(site, path, (content) => settingsNow(path, content, change), signal)));
    }
    return deeds;

    async function placesOf(site: Site, signal: AbortSignal): Promise<readonly string[]> {
      const entries = ['/boot', ...espsOf(now).map(({ path }) => path)].map((path) => `${path}/loader/entries`);
      const wanted = [
        ...grubSettings,
        '/etc/kernel/cmdline.d',
        kernelCommandLine,
        '/boot/refind_linux.conf',
        ...entries,
      ];
      const found = await filesBelow(site, [...new Set([...wanted, '/boot/extlinux', '/boot/syslinux'])], signal);
      return found.filter((path) => /\.(cfg|conf)$|\/grub$|\/cmdline$|\/cmdline\.d\//.test(path));
    }
  },
};

/** Lines with a command line, by the kind of file. */
const forms: readonly (readonly [RegExp, RegExp])[] = [
  [/^\/etc\/default\/grub/, /^(\s*(?:export\s+)?GRUB_CMDLINE_\w+=)(["']?)(.*)(\2\s*(?:#.*)?)$/],
  [/^\/etc\/kernel\//, /^()()([^#].*)()$/],
  [/\/loader\/entries\//, /^(\s*options\s+)()(.*)()$/],
  [/\/refind_linux\.conf$/, /^(\s*"[^"]*"\s+)(")(.*)(")$/],
  [/\/(?:extlinux|syslinux)\//, /^(\s*append\s+)()(.*)()$/i],
];

export function settingsNow(path: string, content: string, change: (line: string) => string): Rewritten {
  const form = forms.find(([place]) => place.test(path))?.[1];
  if (form === undefined) return { text: content, notes: [] };
  const lines = content.split('\n').map((line) => {
    const [, before, quote, words, after] = form.exec(line) ?? [];
    if (before === undefined || words === undefined) return line;
    const changed = change(words);
    return changed === words ? line : `${before}${quote}${changed}${after}`;
  });
  return { text: lines.join('\n'), notes: ['kernels are told of devices that are called otherwise'] };
}
