/**
 * The menu of the rescue system: by arrow keys, by numbers, and by lines that a screen reader reads once. It runs what is chosen and
 * comes back.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { emitKeypressEvents } from 'node:readline';
import { mediumSchema } from '../media/medium.ts';

interface Choice {
  readonly title: string;
  readonly argv: readonly [program: string, ...args: string[]];
}

const choices: readonly Choice[] = [
  {
    title: 'Show what a recovery on these disks would do',
    argv: ['lifeboat', 'layout', 'plan', '--layout', '/etc/lifeboat/captured/layout.json'],
  },
  { title: 'Disks, and what is on them', argv: ['lifeboat', 'layout', 'show', 'host'] },
  { title: 'Network as it is now', argv: ['lifeboat', 'network', 'show', 'host'] },
  { title: 'What works here', argv: ['lifeboat', 'doctor'] },
  { title: 'Log of the start', argv: ['less', '/var/log/lifeboat/start.log'] },
  { title: 'Shell ("exit" comes back here)', argv: ['bash', '--login'] },
  { title: 'Start the machine again', argv: ['reboot'] },
];

/** Shows it once and carries out what is chosen; whoever shows it shows it again. */
export async function showMenu(): Promise<void> {
  const { stdout } = process;
  stdout.write(`\n${headline()}\n\n`);
  choices.forEach(({ title }, index) => stdout.write(`  ${index + 1}  ${title}\n`));
  const choice = await chosen();
  if (choice === undefined) return;
  stdout.write(`\n${choice.title}\n`);
  const [program, ...args] = choice.argv;
  const child = spawn(program, args, { stdio: 'inherit' });
  const [code] = await Promise.race([once(child, 'exit'), once(child, 'error').then(([error]) => [String(error)])]);
  if (code !== 0) stdout.write(`\nThat ended with: ${String(code)}\n`);
  if (program !== 'bash') await line('Enter comes back to the menu. ');
}

function headline(): string {
  try {
    const medium = mediumSchema.parse(JSON.parse(readFileSync('/etc/lifeboat/medium.json', 'utf8')));
    const key = medium.hostKey === undefined ? '' : `, ssh by ${medium.hostKey}`;
    return `lifeboat rescue for ${medium.host}, made ${medium.made.slice(0, 10)}${key}`;
  } catch {
    return 'lifeboat rescue';
  }
}

/** By a number and Enter, or by arrow keys and Enter where the terminal can tell single keys. */
async function chosen(): Promise<Choice | undefined> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY) return choices[Number(await line('Number: ')) - 1];
  let index = 0;
  let typed = '';
  const show = (): void =>
    void stdout.write(
      `\r\x1b[KNumber, or arrow keys, then Enter: ${typed || `${index + 1}  ${choices[index]?.title ?? ''}`}`,
    );
  emitKeypressEvents(stdin);
  stdin.setRawMode(true);
  stdin.resume();
  try {
    for (;;) {
      show();
      const [text, key]: [string | undefined, { readonly name?: string; readonly ctrl?: boolean }] = await nextKey();
      if (key.name === 'return' || key.name === 'enter') break;
      if (key.ctrl === true && key.name === 'c') return undefined;
      if (key.name === 'up') index = (index + choices.length - 1) % choices.length;
      if (key.name === 'down') index = (index + 1) % choices.length;
      if (key.name === 'up' || key.name === 'down') typed = '';
      if (key.name === 'backspace') typed = typed.slice(0, -1);
      if (text !== undefined && /^\d$/.test(text)) typed += text;
    }
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stdout.write('\n');
  }
  return choices[typed === '' ? index : Number(typed) - 1];
}

async function nextKey(): Promise<[string | undefined, { readonly name?: string; readonly ctrl?: boolean }]> {
  return await new Promise((resolve) => {
    process.stdin.once(
      'keypress',
      (text: string | undefined, key: { readonly name?: string; readonly ctrl?: boolean }) => resolve([text, key]),
    );
  });
}

async function line(question: string): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await reader.question(question);
  } finally {
    reader.close();
  }
}
