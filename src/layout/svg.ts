/** A layout as a picture for a browser. */
import { draw } from './svg/draw.ts';
import { pageOf } from './svg/page.ts';
import type { Layout } from './types.ts';

/**
 * One SVG document that needs nothing else: disks as bars with what lies on them, what stands on several of them, what
 * is mounted from elsewhere, what was not seen. It follows the reader's light or dark scheme. Of long lists only the
 * first are in it; names are whole in the tooltips. The same layout gives the same bytes.
 */
export function layoutSvg(layout: Layout): string {
  return draw(pageOf(layout));
}
