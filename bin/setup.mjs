// Brings a fresh clone to where it can do its work, then does what was asked:
//   node bin/setup.mjs build|lifeboat|quickstart|test|test:long|test:lab|lab|check|bench [ARGUMENT…]
// Runs on Node 18 and newer, without dependencies; everything after it runs on the Node that package.json brings.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants as system } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = join(root, 'node_modules', '.bin');
const stamp = join(root, 'node_modules', '.lifeboat-setup');

/** Runs a command to its end; the first that fails ends everything with its exit status. */
function run(command, args, { quiet = false, cwd = root } = {}) {
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
  const stdio = quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit';
  const result = spawnSync(command, args, { cwd, env, stdio, encoding: 'utf8' });
  if (result.error) fail(`cannot run ${command}: ${result.error.message}`);
  if (result.status === 0) return;
  if (quiet) process.stderr.write(`${result.stdout}${result.stderr}`);
  process.exit(result.status ?? 1);
}

/**
 * Hands this process over to a command: its signals go to it, and its end is ours. Ctrl-C is not passed on, as the
 * terminal sends that to both.
 */
function become(command, args, cwd) {
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
  const child = spawn(command, args, { cwd, env, stdio: 'inherit' });
  process.on('SIGINT', () => {});
  for (const name of ['SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name));
  child.on('error', (error) => fail(`cannot run ${command}: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + system.signals[signal]));
}

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

/**
 * The command line of npm's "install" that leaves the lock file as it is, and runs no package's scripts: a binary that
 * ssh2 has built for the Node that is installed crashes the Node 24 that it is used with, and ssh2 does without.
 */
const install = ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts'];

function installPackages() {
  const digest = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest && existsSync(join(bin, 'node'))) return;
  console.error('setup: installing packages …');
  // Not "npm ci": it fails where a registry does not carry the builds of some packages for other platforms. The
  // versions are those of the lock file all the same.
  run('npm', install, { quiet: true });
  run('npm', ['rebuild', 'node'], { quiet: true });
  if (!existsSync(join(bin, 'node'))) {
    fail(
      'the package "node" brought no Node 24. If npm did not run its install script: npm install-scripts approve node',
    );
  }
  // An npm on an older Node leaves out optional packages made for newer ones only, such as the linter's binary.
  if (Number(process.versions.node.split('.')[0]) < 24) {
    run('node', [join(root, 'node_modules/npm/bin/npm-cli.js'), ...install], { quiet: true });
  }
  writeFileSync(stamp, digest);
}

function build() {
  run('node', ['bin/build-native.mjs']);
  run('tsc', ['-p', 'tsconfig.build.json']);
  run('node', ['bin/bundle.mjs']);
}

/** Programs that may be missing from a minimal system, with the Debian packages that hold them. */
const tools = {
  ip: 'iproute2',
  lsblk: 'util-linux',
  findmnt: 'util-linux',
  sfdisk: 'fdisk',
  dumpe2fs: 'e2fsprogs',
  tar: 'tar',
};
/** What the tests use besides: as peers and as independent witnesses. */
const testTools = {
  'ssh-keygen': 'openssh-client',
  zstd: 'zstd',
  lsattr: 'e2fsprogs',
  'mkfs.ext4': 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  'mkfs.btrfs': 'btrfs-progs',
  'mkfs.vfat': 'dosfstools',
  nft: 'nftables',
  iptables: 'iptables',
  python3: 'python3',
  openssl: 'openssl',
  setcap: 'libcap2-bin',
  'systemd-analyze': 'systemd',
};

function onPath(tool) {
  return `${process.env.PATH}:/usr/sbin:/sbin`.split(':').some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function installTools(wanted) {
  const absent = Object.keys(wanted).filter((tool) => !onPath(tool));
  const missing = [...new Set(absent.map((tool) => wanted[tool]))];
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    console.error(`setup: missing: ${missing.join(', ')}. Install them for a complete result.`);
    return;
  }
  console.error(`setup: installing ${missing.join(', ')} …`);
  run('apt-get', ['update', '-q'], { quiet: true });
  run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], { quiet: true });
}

const checks = ['tsc -p tsconfig.json', 'oxlint --type-aware --deny-warnings', 'biome format .', 'knip'];

const [task, ...rest] = process.argv.slice(2);
const known = ['build', 'lifeboat', 'quickstart', 'test', 'test:long', 'test:lab', 'lab', 'check', 'bench'];
if (!known.includes(task)) fail(`usage: node bin/setup.mjs ${known.join('|')} [ARGUMENT…]`);
installPackages();
if (task === 'check') {
  run('node', ['bin/build-native.mjs']);
  for (const check of checks) {
    console.error(`check: ${check}`);
    const [command, ...args] = check.split(' ');
    run(command, args);
  }
  console.error(`check: ${checks.length} checks passed`);
} else {
  build();
  if (task === 'quickstart') installTools(tools);
  if (['test', 'test:long', 'test:lab', 'bench'].includes(task)) installTools({ ...tools, ...testTools });
  // npm runs scripts in the package's folder; paths that a person types are meant from where they stand.
  const cwd = process.env.INIT_CWD ?? process.cwd();
  if (task === 'lifeboat') become('node', [join(root, 'bin/lifeboat.js'), ...rest], cwd);
  if (task === 'quickstart') become('node', [join(root, 'dist/src/cli/quickstart.js'), ...rest], cwd);
  if (task === 'lab') become('node', [join(root, 'test/lab/main.ts'), ...rest], cwd);
  if (task.startsWith('test')) {
    // "test:long" and "test:lab" are suites of their own.
    process.env.LIFEBOAT_TESTS = task.slice('test:'.length);
    run('vitest', ['run', ...rest]);
  }
  if (task === 'bench') run('node', ['test/bench/run.ts', ...rest]);
}
