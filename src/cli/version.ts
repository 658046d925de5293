import { createRequire } from 'node:module';
import { z } from 'zod';

/** Version of this lifeboat, as its package says. */
export function version(): string {
  const require = createRequire(import.meta.url);
  return z.object({ version: z.string() }).parse(require('lifeboat/package.json')).version;
}
