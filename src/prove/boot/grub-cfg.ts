/** What a `grub.cfg` would start: its entries as far as they are plain, in the order of its menu. */
import { shellAssignments } from '../../layout/boot/command-line.ts';

export interface GrubEntry {
  readonly title: string;
  readonly id: string | undefined;
  /** Titles and ids of the menus that it is in. */
  readonly within: readonly string[];
  /** Where the paths begin: what was searched for, `UUID=…`, `LABEL=…`; `undefined` where GRUB itself came from. */
  readonly search: string | undefined;
  readonly linux: string;
  readonly initrd: readonly string[];
  readonly options: string;
}

export interface GrubMenu {
  readonly entries: readonly GrubEntry[];
  /** As it stands there, with variables put in; `undefined` where nothing is set. */
  readonly default: string | undefined;
  /** Entries are files of their own, below `loader/entries`. */
  readonly bls: boolean;
  /** Everything that is searched for. */
  readonly searches: readonly string[];
  /** Another file that it goes on with, from what was searched for. */
  readonly configfile: { readonly search: string | undefined; readonly path: string } | undefined;
}

/** @param env `grubenv`, whose variables may stand in it */
export function parseGrubCfg(text: string, env: string): GrubMenu {
  const lines = text.split('\n').map((line) => line.trim());
  const known = shellAssignments(env.split('\n').filter((line) => !line.startsWith('#')));
  const entries: GrubEntry[] = [];
  const searches = new Set<string>();
  const open: { readonly names: readonly string[]; readonly entry: Draft | undefined }[] = [];
  let search: string | undefined;
  let chosen: string | undefined;
  let bls = false;
  let configfile: GrubMenu['configfile'];
  for (const line of lines) {
    const words = wordsOf(line, known);
    const [word = '', ...rest] = words;
    const draft = open.at(-1)?.entry;
    switch (word) {
      case 'menuentry':
      case 'submenu': {
        const names = namesOf(rest);
        open.push({ names, entry: word === 'menuentry' ? { search, linux: undefined, initrd: [] } : undefined });
        break;
      }
      case '}': {
        const closed = open.pop();
        const { entry, names = [] } = closed ?? {};
        const [title = '', id] = names;
        if (entry?.linux !== undefined)
          entries.push({
            title,
            id,
            within: open.flatMap((one) => one.names),
            search: entry.search,
            linux: entry.linux.path,
            initrd: entry.initrd,
            options: entry.linux.options,
          });
        break;
      }
      case 'function':
        open.push({ names: [], entry: undefined });
        break;
      case 'search':
      case 'search.fs_uuid':
      case 'search.fs_label': {
        const found = searchedFor(word, rest);
        if (found === undefined) break;
        searches.add(found);
        if (draft !== undefined) draft.search = found;
        else search = found;
        break;
      }
      case 'linux':
      case 'linuxefi':
      case 'linux16':
        if (draft !== undefined) draft.linux = { path: withoutDevice(rest[0] ?? ''), options: rest.slice(1).join(' ') };
        break;
      case 'initrd':
      case 'initrdefi':
      case 'initrd16':
        if (draft !== undefined) draft.initrd.push(...rest.map(withoutDevice));
        break;
      case 'blscfg':
        bls = true;
        break;
      case 'configfile':
        if (open.length === 0) configfile = { search, path: withoutDevice(rest[0] ?? '') };
        break;
      case 'set': {
        const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(rest[0] ?? '') ?? [];
        if (name === undefined || value === undefined) break;
        // The next start only, and what a menu remembers: neither is what stands there by itself.
        if (name === 'default' && value !== '') chosen = value;
        else if (open.length === 0) known[name] = value;
        break;
      }
      default:
    }
  }
  return { entries, default: chosen, bls, searches: [...searches], configfile };
}

interface Draft {
  search: string | undefined;
  linux: { readonly path: string; readonly options: string } | undefined;
  readonly initrd: string[];
}

/** Words of a line, quotes taken off, variables that are known put in; others stay as they are. */
function wordsOf(line: string, known: Readonly<Record<string, string>>): string[] {
  if (line.startsWith('#')) return [];
  const filled = line.replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
    const name = braced ?? bare ?? '';
    return Object.hasOwn(known, name) ? (known[name] ?? whole) : whole;
  });
  const words = filled.match(/(?:'[^']*'|"(?:[^"\\]|\\.)*"|[^\s'"])+/g) ?? [];
  return words.map((word) =>
    word.replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"/g, (_, single?: string, double?: string) => single ?? double ?? ''),
  );
}

/** Title, and the id that is given by `--id` or, as distributions do, by `$menuentry_id_option`. */
function namesOf(words: readonly string[]): string[] {
  const [title = ''] = words;
  const at = words.findIndex(
    (word) => word === '--id' || word === '$menuentry_id_option' || word === '${menuentry_id_option}',
  );
  const id = at === -1 ? undefined : words[at + 1];
  return id === undefined ? [title] : [title, id];
}

function searchedFor(word: string, rest: readonly string[]): string | undefined {
  const value = word === 'search' ? rest.findLast((one) => !one.startsWith('-')) : rest[0];
  if (value === undefined || value.includes('$')) return undefined;
  if (word === 'search.fs_uuid' || rest.includes('--fs-uuid') || rest.includes('-u')) return `UUID=${value}`;
  if (word === 'search.fs_label' || rest.includes('--label') || rest.includes('-l')) return `LABEL=${value}`;
  return undefined;
}

/** `($root)/vmlinuz`, `(hd0,gpt2)/vmlinuz` */
function withoutDevice(path: string): string {
  return path.replace(/^\([^)]*\)/, '');
}
