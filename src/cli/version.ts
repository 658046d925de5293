import { createRequire } from 'node:module';

/** Version of this lifeboat, as its package says. */
export function version(): string {
  const manifest: { version: string } = createRequire(import.meta.url)('lifeboat/package.json');
  return manifest.version;
}
