/** What a packed layer holds, without unpacking it. */
import type { Tools } from './tools.ts';

export interface Listed {
  /** Relative to the root. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  /** Unpacked. */
  readonly bytes: number;
  /** Of a link. */
  readonly target?: string;
}

/** @throws LifeboatError `command-failed` for a file that is no layer */
export async function listLayer(tools: Tools, file: string, signal: AbortSignal): Promise<readonly Listed[]> {
  const { stdout } = await tools.run('unsquashfs', ['-lln', '-d', 'root', file], {}, signal);
  return parseListing(stdout.toString());
}

const kinds: Readonly<Record<string, Listed['kind']>> = { '-': 'file', d: 'directory', l: 'link' };

/** Source: unsquashfs(1), `-lln`: mode, owner, size, day, time, name, and where a link leads. */
export function parseListing(text: string): readonly Listed[] {
  return text.split('\n').flatMap((line): readonly Listed[] => {
    const [, type, bytes, rest = ''] =
      /^([-dlbcps])\S{9} +\d+\/\d+ +(?:\d+, *)?(\d+) \S+ \S+ root\/(.+)$/.exec(line) ?? [];
    if (type === undefined) return [];
    const kind = kinds[type] ?? 'other';
    if (kind !== 'link') return [{ path: rest, kind, bytes: Number(bytes) }];
    const [path = rest, target = ''] = rest.split(' -> ');
    return [{ path, kind, bytes: Number(bytes), target }];
  });
}
