import { defineConfig, type OxlintOverride } from 'oxlint';

/** The rooms that know about hosts and points, and nothing of runs. */
const domain = [
  'native',
  'host',
  'plan',
  'layout',
  'network',
  'facts',
  'runtime',
  'target',
  'age',
  'keys',
  'engine',
  'point',
];

/**
 * The walls: which rooms of `src/` each room may import from, besides itself and `kernel`. The lint rules below are made
 * out of this table alone; `test/walls.test.ts` proves that they hold.
 */
export const rooms: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  native: [],
  host: ['native'],
  plan: ['host'],
  layout: ['native', 'host', 'plan'],
  network: ['host', 'plan'],
  facts: ['host'],
  target: ['host'],
  age: ['native'],
  keys: ['age', 'host'],
  engine: ['age', 'native', 'host', 'target'],
  runtime: ['native', 'host', 'criu'],
  point: ['age', 'keys', 'engine', 'target', 'layout', 'network', 'facts', 'runtime', 'host'],
  prove: ['native', 'host', 'layout', 'engine', 'point'],
  criu: ['native', 'host'],
  qemu: ['host'],
  machine: ['native', 'host', 'qemu'],
  media: ['host', 'layout', 'network', 'qemu', 'machine'],
  rescue: ['host', 'plan', 'layout', 'network', 'media'],
  finalize: ['host', 'plan', 'layout', 'network', 'facts'],
  recover: ['host', 'plan', 'layout', 'network', 'facts', 'age', 'keys', 'engine', 'target', 'point', 'rescue'],
  drill: ['host', 'layout', 'network', 'facts', 'target', 'point', 'qemu', 'machine'],
  workflow: ['host'],
  config: [],
  notify: ['host', 'config'],
  steps: [...domain, 'rescue', 'prove', 'recover', 'finalize', 'workflow', 'config', 'notify'],
  schedule: ['host', 'config', 'workflow', 'notify', 'steps'],
  cli: [
    ...domain,
    'criu',
    'qemu',
    'machine',
    'media',
    'rescue',
    'finalize',
    'prove',
    'recover',
    'drill',
    'workflow',
    'config',
    'notify',
    'steps',
    'schedule',
    'workflows',
  ],
};

function wall(room: string, allowed: readonly string[]): OxlintOverride {
  const others = [...Object.keys(rooms), 'workflows'].filter(
    (other) => other !== room && other !== 'kernel' && !allowed.includes(other),
  );
  const group = others.flatMap((other) => [`../${other}/**`, `../../${other}/**`, `../../../${other}/**`]);
  // Kernel stands alone, without even a package; the pattern says "neither ./ nor node:" without look-ahead.
  const patterns =
    room === 'kernel'
      ? [{ regex: '^([^.n]|\\.\\.|n([^o]|o[^d]|od[^e]|ode[^:]))', message: 'kernel imports nothing but node:' }]
      : [{ group, message: `${room} may import only: kernel ${allowed.join(' ')}` }];
  return {
    files: [`src/${room}/**/*.ts`],
    // Tests may reach for another room's real thing instead of a mock.
    excludeFiles: ['**/*.test.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns }] },
  };
}

export default defineConfig({
  plugins: ['typescript', 'unicorn', 'oxc', 'import'],
  categories: { correctness: 'error', suspicious: 'error' },
  rules: {
    'import/no-cycle': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/switch-exhaustiveness-check': 'error',
    'typescript/only-throw-error': 'error',
    // A promise returned out of the scope of an `await using` would outlive what it works on.
    'typescript/return-await': ['error', 'error-handling-correctness-only'],
    'typescript/no-explicit-any': 'error',
    'typescript/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
    // Waiting for one thing after another is what a recovery tool mostly does.
    'no-await-in-loop': 'off',
    'no-shadow': 'off',
    'unicorn/no-array-sort': 'off',
    'unicorn/no-array-reverse': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'import/no-unassigned-import': 'off',
    // switch-exhaustiveness-check says the same of the switches that end our functions, and knows when all is said.
    'typescript/consistent-return': 'off',
    // The compiler asks for it where a binding is held only to be disposed.
    'no-underscore-dangle': 'off',
  },
  overrides: [
    ...Object.entries(rooms).map(([room, allowed]) => wall(room, allowed)),
    {
      files: ['workflows/**/*.ts'],
      excludeFiles: ['**/*.test.ts'],
      rules: {
        'no-restricted-imports': [
          'error',
          {
            patterns: [
              { group: ['../src/**', '!../src/steps/**', '!../src/steps'], message: 'workflows import steps' },
            ],
          },
        ],
      },
    },
    {
      // The one place where what comes from C gets its type.
      files: ['src/native/**/*.ts', '**/*.test.ts', 'test/**/*.ts'],
      rules: {
        'typescript/consistent-type-assertions': 'off',
        'typescript/no-unsafe-type-assertion': 'off',
        'typescript/unbound-method': 'off',
      },
    },
  ],
  ignorePatterns: ['dist', 'native/build', 'test/types/misuse'],
});
