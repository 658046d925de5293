#!/usr/bin/env node
// Plain JavaScript that any Node understands: an old one must get as far as the message.
import module from 'node:module';

const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    `lifeboat needs Node 24 or newer, this is ${process.version}: install it with "npm install --global node@24", or in a checkout use "npm run lifeboat -- ARGUMENTS".`,
  );
  process.exit(2);
}
// Beside the code, and so as trustworthy as that: the default, a folder in /tmp, is not. Where it cannot be written,
// the start takes some milliseconds longer.
module.enableCompileCache(`${import.meta.dirname}/../dist/.compile-cache`);
import('../dist/program/main.js').then(
  (main) => main.main(process.argv),
  (error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    console.error(`lifeboat is not built (${error.message}). Run "npm run build" in its folder.`);
    process.exit(1);
  },
);
