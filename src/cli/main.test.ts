import { expect, test, vi } from 'vitest';

const order = vi.hoisted((): string[] => []);
vi.mock('../native/process.ts', () => ({ forbidDumps: () => void order.push('forbidDumps') }));
vi.mock('./secrets.ts', () => ({ takeSecretsFromEnvironment: () => void order.push('secrets') }));
vi.mock('./program.ts', () => ({
  buildProgram: () => {
    order.push('program');
    return { parseAsync: () => order.push('command') };
  },
}));

test('before any secret is taken or asked for, this process may not be dumped or looked into', async () => {
  const { main } = await import('./main.ts');
  await main(['node', 'lifeboat', 'points', 'list']);
  expect(order).toEqual(['forbidDumps', 'secrets', 'program', 'command']);
});
