/** `/etc/crypttab`: devices that are called otherwise, and volumes that were not built again. */
import { crypttabFile } from '../layout/tools/crypttab.ts';
import { type Layers, layersOf } from './layers.ts';
import { type Rewritten, rewriteDeed } from './rewrite.ts';
import type { Subject } from './site.ts';
import { specNow, specOfField } from './specs.ts';

export const crypttab: Subject = {
  name: 'crypttab',
  async plan(site, signal) {
    const { scene } = site;
    const captured = layersOf(scene.captured.layout);
    const now = layersOf(scene.layout, scene.root);
    return await rewriteDeed(site, crypttabFile, (content) => crypttabNow(content, captured, now), signal);
  },
};

export function crypttabNow(content: string, captured: Layers, now: Layers): Rewritten {
  const notes: string[] = [];
  const lines = content.split('\n').map((line) => {
    const [, start = '', first = '', gap = '', second = '', rest = ''] =
      /^(\s*)([^\s#]\S*)(\s+)(\S+)(.*)$/s.exec(line) ?? [];
    if (second === '') return line;
    const [name, spec] = [specOfField(first), specOfField(second)];
    const volume = [...captured.of('luks'), ...captured.of('crypt')].find((one) => one.crypttab?.name === name);
    if (volume === undefined) return line;
    const is = specNow(captured, now, spec, volume.kind === 'luks' ? volume.id : undefined);
    if (is.state === 'moved') {
      notes.push(`the device of ${name} is called otherwise`);
      return `${start}${first}${gap}${is.spec}${rest}`;
    }
    if (is.state !== 'gone') return line;
    // What was in it lies where it lay, without it.
    if (captured.tree.above(volume.id).some(({ id }) => now.get(id) !== undefined)) {
      notes.push(`${name} is not encrypted any more`);
      return `# ${line}`;
    }
    if (/(^|[,\s])(nofail|noauto)(,|\s|$)/.test(rest)) return line;
    notes.push(`${name} is not here`);
    return `${start}${first}${gap}${second}${withNofail(rest)}`;
  });
  return { text: lines.join('\n'), notes };
}

/** Key and options follow the device. */
function withNofail(rest: string): string {
  const [, key = '', options = '', after = ''] = /^(\s+\S+)?(\s+\S+)?(.*)$/s.exec(rest) ?? [];
  return `${key === '' ? ' none' : key}${options === '' ? ' nofail' : `${options},nofail`}${after}`;
}
