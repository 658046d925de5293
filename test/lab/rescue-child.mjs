// Makes a rescue medium with the built program, which is what goes onto it: the base of one that is not built would be another.
import { readFileSync } from 'node:fs';
import { localHost } from '../../dist/src/host/local.js';
import { formats } from '../../dist/src/media/formats/formats.js';
import { makeRescue } from '../../dist/src/media/rescue.js';

const request = JSON.parse(readFileSync(0, 'utf8'));
const format = formats.find(({ name }) => name === request.format);
const say = (text) => console.error(text);
const made = await makeRescue(
  localHost(),
  { ...request, to: { kind: 'path', path: request.output, format }, node: process.execPath, say },
  new Date(),
  new AbortController().signal,
);
console.log(JSON.stringify(made));
