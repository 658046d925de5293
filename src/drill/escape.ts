/** Text in HTML. */
import { printable } from '../kernel/text.ts';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Names out of machines may hold anything. */
export function escape(text: string): string {
  return printable(text).replaceAll(/[&<>"']/g, (letter) => entities[letter] ?? letter);
}
