/** What runs in containers of tests, and the commands that start it, in words of a shell. */
import type { Argv } from '../../src/host/host.ts';

/** A program of the shell that writes how far it has counted into its file; it has no connection, nor anything else that a dump could lose. */
export const counting = 'i=0; while :; do i=$((i + 1)); echo $i >$0; sleep 0.02; done';

/**
 * A bundle in `/ct/<id>`, with the root in `/ct/rootfs`.
 *
 * @param more edits of `config.json` in words of sed
 */
export function bundle(id: string, program: readonly string[], more: readonly string[] = []): Argv {
  const edits = [
    's/"terminal": true/"terminal": false/',
    `s#"sh"#${program.map((word) => JSON.stringify(word).replaceAll('&', '\\&')).join(', ')}#`,
    's#"path": "rootfs"#"path": "/ct/rootfs"#',
    's/"readonly": true/"readonly": false/',
    ...more,
  ];
  return shell(
    `mkdir -p /ct/${id} && cd /ct/${id} && rm -f config.json && runc spec && sed -i ${edits.map((edit) => `-e ${words([edit])}`).join(' ')} config.json`,
  );
}

/** With nothing of ours open, as a dump of it would have to have it. */
export function silently(command: string): Argv {
  return shell(`exec </dev/null >/dev/null 2>&1; ${command}`);
}

export function shell(script: string): Argv {
  return ['sh', '-c', script];
}

/** For a shell. */
export function words(program: readonly string[]): string {
  return program.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}
