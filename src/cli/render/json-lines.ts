import { redact } from '../../kernel/secret.ts';
import type { RunEvent } from '../../workflow/events.ts';

/** Events for a program: each a line of JSON with its time. */
export function jsonLinesRenderer(stream: { write(text: string): boolean }, now: () => Date) {
  return (event: RunEvent): void => {
    stream.write(`${JSON.stringify(redact({ at: now().toISOString(), ...event }))}\n`);
  };
}
