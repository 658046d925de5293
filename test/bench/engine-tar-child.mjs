/**
 * One verb of the engine tar in a process of its own, out of what `npm run build` made, for the benches:
 *
 *   engine-tar-child.mjs store REPOSITORY KEY POINT BASE PATH…     KEY: 64 digits, or "none"; BASE: a point, or "none"
 *   engine-tar-child.mjs restore REPOSITORY KEY POINT DIRECTORY
 *   engine-tar-child.mjs memory KEY PATH…                          stores nowhere; prints the peak of its memory in MiB
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { identityFrom } from '../../dist/src/age/age.js';
import { openEngine } from '../../dist/src/engine/engines.js';
import { localHost } from '../../dist/src/host/local.js';
import { openFileTarget } from '../../dist/src/target/file/file.js';
import { chunksOf } from '../../dist/src/target/target.js';

const { signal } = new AbortController();
const engine = openEngine('tar');
const [verb, ...rest] = process.argv.slice(2);

function sealingOf(key) {
  if (key === 'none') return { recipients: [], identities: [] };
  const identity = identityFrom(Buffer.from(key, 'hex'));
  return { recipients: [identity.recipient], identities: [identity] };
}

function jobOf(key, include, more) {
  const rules = { cacheDirectories: false };
  const job = {
    hostName: 'bench',
    host: localHost(),
    include,
    exclude: [],
    rules,
    description: {},
    compressionLevel: 1,
  };
  return { ...job, sealing: sealingOf(key), onProgress: () => undefined, ...more };
}

if (verb === 'store') {
  const [repository, key, pointId, baseId, ...include] = rest;
  const target = await openFileTarget(repository, {}, signal);
  const recordOf = (id) => `${repository}.${id}.json`;
  const base =
    baseId === 'none' ? {} : { base: { pointId: baseId, stored: JSON.parse(readFileSync(recordOf(baseId), 'utf8')) } };
  const job = jobOf(key, include, { target, pointId, indexDirectory: `${repository}.index`, ...base });
  const { stored, notes } = await engine.backup(job, signal);
  if (notes.length > 0) console.error(notes.join('\n'));
  writeFileSync(recordOf(pointId), JSON.stringify(stored));
} else if (verb === 'restore') {
  const [repository, key, pointId, directory] = rest;
  mkdirSync(directory);
  const target = await openFileTarget(repository, {}, signal);
  const stored = JSON.parse(readFileSync(`${repository}.${pointId}.json`, 'utf8'));
  const job = {
    target,
    hostName: 'bench',
    pointId,
    sealing: sealingOf(key),
    stored,
    directory,
    onProgress: () => undefined,
  };
  await engine.restore({ ...job, paths: [] }, signal);
} else {
  const [key, ...include] = rest;
  const nowhere = {
    url: 'null:',
    traits: {},
    async put(_key, body) {
      let size = 0;
      for await (const chunk of chunksOf(body)) size += chunk.length;
      return { size };
    },
  };
  await engine.backup(jobOf(key, include, { target: nowhere, pointId: 'point' }), signal);
  console.log(Math.round(process.resourceUsage().maxRSS / 1024));
}
