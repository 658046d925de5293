// Builds native/ when it is older than its sources. Runs as the package's `install` script, so also under a Node that
// is too old for lifeboat itself, and before anything is compiled: plain JavaScript, no packages but the headers.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const native = join(dirname(fileURLToPath(import.meta.url)), '..', 'native');
const programs = ['confine', 'criu-probe', 'flags', 'zeros', 'lifeboat-agent'];
const outputs = ['lifeboat.node', ...programs].map((name) => `build/${name}`);

function modified(name) {
  return statSync(join(native, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function upToDate() {
  const sources = readdirSync(native).filter((name) => /\.[ch]$|^Makefile$/.test(name));
  return Math.max(...sources.map(modified)) <= Math.min(...outputs.map(modified));
}

function fail(problem) {
  console.error(`lifeboat: cannot build native/: ${problem}`);
  process.exit(1);
}

const packages = 'On Debian and Ubuntu: apt-get install make gcc libc6-dev';

function headers() {
  try {
    return createRequire(import.meta.url)('node-api-headers').include_dir;
  } catch {
    return fail('the package node-api-headers is missing. Run npm ci.');
  }
}

function build() {
  const compiler = (process.env.CC ?? 'cc').split(' ')[0];
  for (const tool of ['make', compiler]) {
    if (spawnSync(tool, ['--version']).error) fail(`${tool} is missing. ${packages}`);
  }
  const make = spawnSync('make', ['-s', '-C', native, `NODE_API_HEADERS=${headers()}`], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', MAKEFLAGS: '' },
  });
  if (make.status === 0) return;
  const header = /fatal error: (\S+): No such file/.exec(make.stderr);
  if (header) fail(`the header ${header[1]} is missing. ${packages}`);
  const library = /cannot find -l(\S+?):?(?: |$)/m.exec(make.stderr);
  if (library) fail(`the library lib${library[1]}.a is missing, for a static program. ${packages}`);
  process.stderr.write(make.stderr);
  fail('the compiler failed, see above.');
}

if (!upToDate()) build();
