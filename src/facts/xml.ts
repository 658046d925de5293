/** As much of XML as libvirt writes: elements and attributes, without comments, declarations and entities of its own. */

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

const token =
  /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<![^>]*>|<(\/)?([\w:.-]+)((?:[^>"']|"[^"]*"|'[^']*')*?)(\/)?>|([^<]+)/g;
const attribute = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w+));/g, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return entities[name] ?? whole;
    const code = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hex), 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** @throws Error for what is not one well-nested element */
export function parseXml(text: string): Element {
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  for (const [, cdata, closing, name, attributes, empty, content] of text.matchAll(token)) {
    const current = open.at(-1) ?? root;
    if (cdata !== undefined) current.text += cdata;
    if (content !== undefined) current.text += decode(content);
    if (name === undefined) continue;
    if (closing !== undefined) {
      if (current.name !== name || open.length === 1) throw new Error(`</${name}> closes nothing`);
      open.pop();
      continue;
    }
    const pairs = [...(attributes ?? '').matchAll(attribute)].map(
      ([, key = '', double, single]) => [key, decode(double ?? single ?? '')] as const,
    );
    const element: Element = { name, attributes: Object.fromEntries(pairs), children: [], text: '' };
    current.children.push(element);
    if (empty === undefined) open.push(element);
  }
  const [only] = root.children;
  if (open.length !== 1 || only === undefined || root.children.length !== 1) throw new Error('not one element');
  return only;
}

/** All elements at the end of a way of names. */
export function select(element: Element, ...way: readonly string[]): Element[] {
  return way.reduce<Element[]>(
    (elements, name) => elements.flatMap(({ children }) => children.filter((child) => child.name === name)),
    [element],
  );
}
