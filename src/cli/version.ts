import { createRequire } from 'node:module';
import { dirname } from 'node:path';

/** Version of this lifeboat, as its package says. */
export function version(): string {
  const manifest: { version: string } = createRequire(import.meta.url)('lifeboat/package.json');
  return manifest.version;
}

/** The folder in which it is. */
export const programFolder = (): string => dirname(createRequire(import.meta.url).resolve('lifeboat/package.json'));
