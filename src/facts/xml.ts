/** As much of XML as libvirt writes: elements and attributes, without comments, declarations and entities of its own. */

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

/** A value holds no `<`, so that an end that is missing is found at once. */
const tag = /<(\/)?([\w:.-]+)((?:[^<>"']|"[^"<]*"|'[^'<]*')*?)(\/)?>/y;
const attribute = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w+));/g, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return entities[name] ?? whole;
    const code = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hex), 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** What is no element, by how it begins and ends. */
const others = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
  ['<!', '>'],
] as const;

/** @throws Error for what is not one well-nested element */
export function parseXml(text: string): Element {
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  for (let at = 0; at < text.length; ) {
    const current = open.at(-1) ?? root;
    const next = text.indexOf('<', at);
    if (next !== at) {
      const end = next < 0 ? text.length : next;
      current.text += decode(text.slice(at, end));
      at = end;
      continue;
    }
    const other = others.find(([begin]) => text.startsWith(begin, at));
    if (other !== undefined) {
      const [begin, finish] = other;
      const end = text.indexOf(finish, at + begin.length);
      if (end < 0) throw new Error(`no ${finish} after ${begin}`);
      if (begin === '<![CDATA[') current.text += text.slice(at + begin.length, end);
      at = end + finish.length;
      continue;
    }
    at = element(text, at, open);
  }
  const [only] = root.children;
  if (open.length !== 1 || only === undefined || root.children.length !== 1) throw new Error('not one element');
  return only;
}

/** The tag at `at`; where it ends. */
function element(text: string, at: number, open: Element[]): number {
  tag.lastIndex = at;
  const [whole, closing, name, attributes, empty] = tag.exec(text) ?? [];
  if (whole === undefined || name === undefined) throw new Error('a tag without an end');
  const current = open.at(-1);
  if (closing !== undefined) {
    if (current?.name !== name || open.length === 1) throw new Error(`</${name}> closes nothing`);
    open.pop();
    return tag.lastIndex;
  }
  const pairs = [...(attributes ?? '').matchAll(attribute)].map(
    ([, key = '', double, single]) => [key, decode(double ?? single ?? '')] as const,
  );
  const made: Element = { name, attributes: Object.fromEntries(pairs), children: [], text: '' };
  current?.children.push(made);
  if (empty === undefined) open.push(made);
  return tag.lastIndex;
}

/** All elements at the end of a way of names. */
export function select(element: Element, ...way: readonly string[]): Element[] {
  return way.reduce<Element[]>(
    (elements, name) => elements.flatMap(({ children }) => children.filter((child) => child.name === name)),
    [element],
  );
}
