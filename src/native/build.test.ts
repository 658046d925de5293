/** The build, and what happens without one, in a copy of the package. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, onTestFinished, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
let copy: string;

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'lifeboat-build-'));
  onTestFinished(() => rmSync(copy, { recursive: true }));
  const isSource = (path: string) => !path.startsWith(join(root, 'native', 'build'));
  for (const name of ['package.json', 'bin/build-native.mjs', 'native', 'src/native', 'src/kernel']) {
    cpSync(join(root, name), join(copy, name), { recursive: true, filter: isSource });
  }
  mkdirSync(join(copy, 'node_modules'));
  const headers = dirname(createRequire(import.meta.url).resolve('node-api-headers'));
  symlinkSync(headers, join(copy, 'node_modules', 'node-api-headers'));
});

function node(args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: copy,
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', ...env },
  });
  return { status, stdout, stderr };
}

function build(env?: Record<string, string>) {
  return node(['bin/build-native.mjs'], env);
}

/** Calls a verb and the path of a program in the copy, and prints what comes of it. */
function load() {
  return node([
    '--input-type=module-typescript',
    '--eval',
    `import { listXattrs } from './src/native/xattr.ts';
     import { confineArgv } from './src/native/confine.ts';
     for (const work of [() => listXattrs('/'), () => confineArgv('/x', ['true'])]) {
       try { work(); console.log('loaded'); } catch (error) { console.log(error.code, error.message, error.hint); }
     }`,
  ]);
}

const done = { status: 0, stdout: '', stderr: '' };

function dates(): number[] {
  return ['lifeboat.node', 'confine', 'criu-probe', 'flags', 'zeros', 'lifeboat-agent'].map(
    (name) => statSync(join(copy, 'native/build', name)).mtimeMs,
  );
}

/** How many programs have to load this one before it runs: none where it is static. */
function interpreters(program: string): number {
  const elf = readFileSync(join(copy, program));
  const [headers, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  const types = Array.from({ length: count }, (_, index) => elf.readUInt32LE(headers + index * size));
  return types.filter((type) => type === 3).length;
}

test('builds once, and again when a source is newer', () => {
  expect(build()).toEqual(done);
  expect(readdirSync(join(copy, 'native/build')).toSorted()).toEqual([
    'confine',
    'criu-probe',
    'flags',
    'lifeboat-agent',
    'lifeboat.node',
    'zeros',
  ]);
  expect(interpreters('native/build/confine')).toBe(1);
  expect(interpreters('native/build/lifeboat-agent')).toBe(0);
  expect(load().stdout).toBe('loaded\nloaded\n');
  const first = dates();
  // Nothing to do, so no tools are needed.
  expect(build({ PATH: '/nonexistent' })).toEqual(done);
  expect(dates()).toEqual(first);

  const later = new Date(Date.now() + 5000);
  utimesSync(join(copy, 'native/common.h'), later, later);
  expect(build()).toEqual(done);
  for (const [index, date] of dates().entries()) expect(date).toBeGreaterThan(first[index] ?? Infinity);
});

test('says in one line what is missing', () => {
  const packages = 'On Debian and Ubuntu: apt-get install make gcc libc6-dev';
  const begin = 'lifeboat: cannot build native/:';
  expect(build({ PATH: '/nonexistent' })).toEqual({
    status: 1,
    stdout: '',
    stderr: `${begin} make is missing. ${packages}\n`,
  });
  expect(build({ CC: 'no-such-compiler' }).stderr).toBe(`${begin} no-such-compiler is missing. ${packages}\n`);
  expect(build({ CC: 'cc -nostdinc' })).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^lifeboat: .* the header \S+\.h is missing\. .*\n$/),
  });
  const library = {
    status: 1,
    stderr: `${begin} the library libabsent.a is missing, for a static program. ${packages}\n`,
  };
  expect(build({ LDFLAGS: '-labsent' })).toMatchObject(library);
  rmSync(join(copy, 'node_modules/node-api-headers'));
  expect(build().stderr).toBe(`${begin} the package node-api-headers is missing. Run npm ci.\n`);
});

test('a compiler that fails is quoted', () => {
  writeFileSync(join(copy, 'native/module.c'), 'nonsense;\n');
  const { status, stderr } = build();
  expect(status).toBe(1);
  expect(stderr).toMatch(/module\.c:1[^]*the compiler failed, see above\.\n$/);
});

test('without a build, or with a broken one, a verb says what to run', () => {
  const hint = 'Run npm run build \\(needs make and a C compiler: .*\\)\\.\n';
  const missing = "native-missing the native part of lifeboat cannot be loaded: Cannot find module '.*' ";
  expect(load().stdout).toMatch(new RegExp(`^${missing}${hint}${missing}${hint}$`));

  mkdirSync(join(copy, 'native/build'));
  writeFileSync(join(copy, 'native/build/lifeboat.node'), 'not a library');
  const [verb, program] = load().stdout.split('\n');
  expect(verb).toMatch(/^native-missing .*lifeboat\.node: .* Run npm run build/);
  expect(program).toMatch(/^native-missing .*ENOENT.*confine.* Run npm run build/);
});
