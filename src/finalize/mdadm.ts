/** `mdadm.conf`: arrays that were not built again or are new, and devices that are called otherwise. */
import type { ComponentOf } from '../layout/types.ts';
import { type Layers, layersOf, sameDisks } from './layers.ts';
import { type Rewritten, rewriteDeed } from './rewrite.ts';
import type { Deed } from './scene.ts';
import type { Subject } from './site.ts';

export const mdadmFiles = ['/etc/mdadm/mdadm.conf', '/etc/mdadm.conf'];

export const mdadm: Subject = {
  name: 'mdadm',
  async plan(site, signal) {
    const { scene } = site;
    const captured = layersOf(scene.captured.layout);
    const now = layersOf(scene.layout, scene.root);
    const deeds: Deed[] = [];
    for (const path of mdadmFiles) {
      deeds.push(...(await rewriteDeed(site, path, (content) => mdadmNow(content, captured, now), signal)));
    }
    return deeds;
  },
};

const digits = (text: string): string => text.replace(/[^\da-f]/gi, '').toLowerCase();

export function mdadmNow(content: string, captured: Layers, now: Layers): Rewritten {
  const notes: string[] = [];
  const here = new Set(now.of('md').map(({ uuid = '' }) => digits(uuid)));
  const were = new Set(captured.of('md').map(({ uuid = '' }) => digits(uuid)));
  const moved = !sameDisks(captured, now);
  // A line that begins with a blank goes on with the one before it.
  const entries = content.split(/\n(?![ \t])/);
  const lines = entries.map((entry) => {
    const [word = ''] = entry.split(/\s/, 1);
    if (/^array$/i.test(word)) {
      const uuid = digits(/\buuid=(\S+)/i.exec(entry)?.[1] ?? '');
      if (uuid !== '' && were.has(uuid) && !here.has(uuid)) {
        notes.push('an array is not here any more');
        return entry.replace(/^/gm, '# ');
      }
      const bare = moved && uuid !== '' ? entry.replace(/\s+devices=\S+/gi, '') : entry;
      if (bare !== entry) notes.push('the members of an array are called otherwise');
      return bare;
    }
    // Names of devices; `partitions` and patterns stand for whatever there is.
    if (moved && /^device$/i.test(word) && /\s\/dev\/[^\s*?[]+(\s|$)/.test(entry)) {
      notes.push('disks are called otherwise');
      return `${word} partitions containers`;
    }
    return entry;
  });
  const added = now.of('md').filter((one) => isNew(one, were) && now.over(one.id).length > 0);
  const known = digits(content);
  const more = added.flatMap((one) => (known.includes(digits(one.uuid ?? '')) ? [] : [arrayLine(one)]));
  if (more.length > 0) notes.push('an array is new');
  const text = lines.join('\n');
  const end = text === '' || text.endsWith('\n') ? '' : '\n';
  return { text: more.length === 0 ? text : `${text}${end}${more.map((line) => `${line}\n`).join('')}`, notes };
}

const isNew = ({ uuid }: ComponentOf<'md'>, were: ReadonlySet<string>): boolean =>
  uuid !== undefined && !were.has(digits(uuid));

function arrayLine({ uuid = '', device, geometry }: ComponentOf<'md'>): string {
  const name = geometry?.name?.replace(/^.*:/, '');
  const path = name === undefined || name === '' ? (device ?? '<ignore>') : `/dev/md/${name}`;
  const grouped = digits(uuid).match(/.{8}/g)?.join(':') ?? uuid;
  return `ARRAY ${path} metadata=${geometry?.metadata ?? '1.2'} UUID=${grouped}`;
}
