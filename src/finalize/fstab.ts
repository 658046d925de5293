/** `/etc/fstab`: devices that are called otherwise, what was not built again, numbers of subvolumes, what a plan adds. */
import { fstabFile } from '../layout/tools/fstab.ts';
import type { ComponentOf } from '../layout/types.ts';
import { type Layers, layersOf } from './layers.ts';
import { type Rewritten, rewriteDeed } from './rewrite.ts';
import type { Subject } from './site.ts';
import { specNow, specOfField } from './specs.ts';

export const fstab: Subject = {
  name: 'fstab',
  async plan(site, signal) {
    const { scene } = site;
    const captured = layersOf(scene.captured.layout);
    const planned = scene.planned === undefined ? captured : layersOf(scene.planned);
    const now = layersOf(scene.layout, scene.root);
    return await rewriteDeed(site, fstabFile, (content) => fstabNow(content, captured, planned, now), signal);
  },
};

type Mount = ComponentOf<'mount'>;

/** The same file with the devices that are here; each line that says what it should stays as it is, to the byte. */
export function fstabNow(content: string, captured: Layers, planned: Layers, now: Layers): Rewritten {
  const notes: string[] = [];
  const wanted = new Map(withLines(planned).map((mount) => [mount.id, mount]));
  const seen = new Set<string>();
  const lines = content.split('\n').map((line) => {
    const [, before = '', first = '', gap = '', rest = ''] = /^(\s*)([^\s#]\S*)(\s+)(.*)$/s.exec(line) ?? [];
    if (first === '') return line;
    const [place = '', type = '', options = 'defaults'] = rest.split(/\s+/);
    const spec = specOfField(first);
    const path = specOfField(place);
    const mount = withLines(captured).find((one) => one.path === path && one.fstab?.spec === spec);
    if (mount !== undefined) seen.add(mount.id);
    const made = mount === undefined ? undefined : wanted.get(mount.id);
    if (made?.fstab !== undefined && isOther(made, mount)) {
      notes.push(`${path} is ${made.fstab.type} now`);
      return lineOf(made);
    }
    const subject = path.startsWith('/') ? path : spec;
    const swap = type === 'swap' ? captured.of('swap').find((one) => one.fstab?.spec === spec) : undefined;
    const shown = mount?.on[0] ?? (swap?.file === undefined ? swap?.id : undefined);
    const filesystem = filesystemOf(captured, shown);
    const is = specNow(captured, now, spec, filesystem);
    if (is.state === 'gone') {
      if (/(^|,)(nofail|noauto)(,|$)/.test(options)) return line;
      notes.push(`what ${subject} was is not here`);
      return `${before}${first}${gap}${withOptions(rest, (old) => (old === 'defaults' ? 'nofail' : `${old},nofail`))}`;
    }
    const numbered = withOptions(rest, (old) => withSubvolume(old, shown, captured, now));
    if (numbered !== rest) notes.push(`${subject} is a subvolume with another number`);
    if (is.state === 'moved') notes.push(`the device of ${subject} is called otherwise`);
    return `${before}${is.state === 'moved' ? is.spec : first}${gap}${numbered}`;
  });
  const more = [...wanted.values()].filter(
    ({ id, path, fstab: line }) =>
      line !== undefined &&
      !seen.has(id) &&
      captured.get(id) === undefined &&
      !lines.some((one) => placeOf(one) === path),
  );
  for (const mount of more) notes.push(`${mount.path} is new`);
  const text = lines.join('\n');
  const end = text === '' || text.endsWith('\n') ? '' : '\n';
  return { text: more.length === 0 ? text : `${text}${end}${more.map((one) => `${lineOf(one)}\n`).join('')}`, notes };
}

const withLines = (layers: Layers): readonly Mount[] => layers.mounts.filter(({ fstab: line }) => line !== undefined);

const placeOf = (line: string): string | undefined =>
  line.trimStart().startsWith('#') ? undefined : line.trim().split(/\s+/)[1];

const isOther = ({ fstab: one }: Mount, other: Mount | undefined): boolean =>
  one?.spec !== other?.fstab?.spec || one?.type !== other?.fstab?.type || one?.options !== other?.fstab?.options;

const escaped = (text: string): string =>
  text.replace(/[\s\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);

const lineOf = ({ path, fstab: line }: Mount): string =>
  [escaped(line?.spec ?? ''), escaped(path), line?.type, line?.options, line?.dump, line?.pass].join(' ');

/** Place, type and options are the first three words of what follows the device. */
function withOptions(rest: string, change: (options: string) => string): string {
  const [whole, before = '', options = '', after = ''] = /^(\S+\s+\S+\s+)(\S+)(.*)$/s.exec(rest) ?? [];
  if (whole !== undefined) return `${before}${change(options)}${after}`;
  const changed = change('defaults');
  return changed === 'defaults' ? rest : `${rest.trimEnd()} ${changed}`;
}

function withSubvolume(options: string, shown: string | undefined, captured: Layers, now: Layers): string {
  const was = shown === undefined ? undefined : captured.get(shown);
  const is = shown === undefined ? undefined : now.get(shown);
  if (was?.kind !== 'subvolume' || is?.kind !== 'subvolume' || was.number === is.number) return options;
  return options.replace(/(^|,)subvolid=(0x)?[0-9a-f]+(?=,|$)/i, `$1subvolid=${is.number}`);
}

/** Of a subvolume that which it is in. */
export function filesystemOf(layers: Layers, id: string | undefined): string | undefined {
  const one = id === undefined ? undefined : layers.get(id);
  return one?.kind === 'subvolume' ? one.on[0] : id;
}
