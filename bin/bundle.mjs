/**
 * Packs the compiled program into few files, `dist/program`: most of what a command takes until its first deed goes into finding, reading
 * and linking some seven hundred modules. `dist/src` stays, for its types and for who imports parts of it.
 */
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const bundle = await rolldown({
  // Workflows of a site import the steps, and must get those that run.
  input: { main: at('dist/src/cli/main.js'), steps: at('dist/src/steps/index.js') },
  // These look for files beside their own, and most commands load none of them.
  external: [/^(archiver|node-cron|pino|ssh2)$/, /^#addon$/, /^lifeboat\//],
  platform: 'node',
  onwarn: (warning) => {
    // What one command loads when it needs it, and another from the start.
    if (warning.code !== 'INEFFECTIVE_DYNAMIC_IMPORT') throw new Error(warning.message);
  },
});

/** Measured: one file for what many commands share is read sooner than the parts of it that one needs; help and version need the first alone. */
const groups = [
  {
    name: 'start',
    test: /dist\/src\/(kernel|native)\/|dist\/src\/cli\/(main|program|globals)\.js|node_modules\/commander/,
    priority: 1,
  },
  { name: 'common', minShareCount: 8 },
];
rmSync(at('dist/program'), { recursive: true, force: true });
await bundle.write({ dir: at('dist/program'), format: 'esm', sourcemap: true, codeSplitting: { groups } });
await bundle.close();
