// Gives out the files below a directory by HTTP, and notes each that somebody asked for.
import { appendFileSync, createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';

const [tree = '', address = '', log = ''] = process.argv.slice(2);
createServer((request, response) => {
  const name = normalize(decodeURI(new URL(request.url ?? '/', 'http://server').pathname));
  const status = statSync(join(tree, name), { throwIfNoEntry: false });
  const isFile = status?.isFile() === true;
  appendFileSync(log, `http ${request.method} ${name} ${isFile ? 200 : 404}\n`);
  if (!isFile) return void response.writeHead(404).end();
  response.writeHead(200, { 'Content-Length': status.size });
  if (request.method === 'HEAD') response.end();
  else createReadStream(join(tree, name)).pipe(response);
}).listen(80, address);
