/**
 * Packs the compiled program into few files, `dist/program`: most of what a command takes until its first deed goes into finding, reading
 * and linking some seven hundred modules. `dist/src` stays, for its types and for who imports parts of it.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const packed = at('dist/program');
const changedAt = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

// Compiling touches its notes only when something has changed. main.js is written last of all.
const since = Math.max(
  ...['dist/.tsbuildinfo', 'package-lock.json', 'bin/bundle.mjs'].map((path) => changedAt(at(path))),
);
if (changedAt(join(packed, 'main.js')) > since) process.exit();

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
const { output } = await bundle.generate({ format: 'esm', sourcemap: true, codeSplitting: { groups } });
await bundle.close();

// One that runs may load the rest of itself at any moment: each file is there whole, and what it is called tells what is in it. The entries come
// last, and what nothing refers to any more goes after that.
mkdirSync(packed, { recursive: true });
const rank = ({ fileName }) => ['steps.js', 'main.js'].indexOf(fileName);
for (const file of output.toSorted((a, b) => rank(a) - rank(b))) {
  const path = join(packed, file.fileName);
  writeFileSync(`${path}.${process.pid}`, file.type === 'chunk' ? file.code : file.source);
  renameSync(`${path}.${process.pid}`, path);
}
const names = new Set(output.map(({ fileName }) => fileName));
for (const name of readdirSync(packed)) if (!names.has(name)) rmSync(join(packed, name));
