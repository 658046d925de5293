// Makes a rescue medium with the built program, which is what goes onto it: the base of one that is not built would be another.
import { readFileSync } from 'node:fs';
import { localHost } from '../../dist/src/host/local.js';
import { makeRescueIso } from '../../dist/src/media/rescue.js';

const request = JSON.parse(readFileSync(0, 'utf8'));
const say = (text) => console.error(text);
const made = await makeRescueIso(
  localHost(),
  { ...request, node: process.execPath, say },
  new Date(),
  new AbortController().signal,
);
console.log(JSON.stringify(made));
