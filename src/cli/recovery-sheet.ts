/** The recovery sheet: what a person keeps on paper. Shown once, and stored nowhere. */
import { identityText } from '../age/age.ts';
import { derive, deriveSshKey } from '../keys/derive.ts';
import { formatRecoveryCode, type RecoveryCode } from '../keys/recovery-code.ts';
import { redactText } from '../kernel/secret.ts';
import { commandLine, type Globals } from './globals.ts';

export interface RecoverySheet {
  readonly code: string;
  readonly repository: string;
  readonly host: string;
  readonly ageIdentity: string;
  readonly resticPassword: string;
  /** For `authorized_keys` of the server, where that is one for ssh: the code logs in by it, and may read. */
  readonly authorizedKey?: string;
}

export function recoverySheet(code: RecoveryCode, repository: string, host: string): RecoverySheet {
  const { identity, restic } = derive(code.secret);
  return {
    code: formatRecoveryCode(code),
    repository: redactText(repository),
    host,
    ageIdentity: identityText(identity),
    resticPassword: restic.reveal(),
    ...(repository.startsWith('sftp:') ? { authorizedKey: authorizedKey(code, host) } : {}),
  };
}

function authorizedKey({ secret }: RecoveryCode, host: string): string {
  return `restrict,command="internal-sftp -R" ${deriveSshKey(secret).publicLine} recovery of ${host}`;
}

export function sheetText(
  sheet: RecoverySheet,
  { key, writeOnly }: { key: string; writeOnly: boolean },
  globals: Globals,
) {
  const anywhere = `lifeboat --repository ${sheet.repository} --host ${sheet.host}`;
  const loss = writeOnly
    ? 'This host keeps nothing that opens its backups. Who loses this code loses the data.'
    : `This code and ${key} each open everything. Who loses both loses the data.`;
  return [
    '--------------------------- RECOVERY SHEET ---------------------------',
    '',
    `  Recovery code     ${sheet.code}`,
    `  Repository        ${sheet.repository}`,
    `  Host              ${sheet.host}`,
    '',
    '  Derived from the code, for a day without lifeboat (docs/restore-without-lifeboat.md):',
    `  age identity      ${sheet.ageIdentity}`,
    `  restic password   ${sheet.resticPassword}`,
    '',
    ...(sheet.authorizedKey === undefined
      ? []
      : [
          '  For authorized_keys of the server, so that this code logs in there when this host and its key are gone. It lets nobody write:',
          sheet.authorizedKey,
          '',
        ]),
    '  With this sheet, on any machine that reaches the repository:',
    `    ${anywhere} points list`,
    `    ${anywhere} restore latest /etc --to /tmp/etc`,
    '',
    '  Print it or copy it by hand, and keep it away from this host. It is shown once and stored nowhere.',
    `  ${loss}`,
    '  Then prove that it was noted, by typing it. Until that is done no backup is called protected:',
    `    ${commandLine(globals, 'key check')}`,
    '----------------------------------------------------------------------',
  ].join('\n');
}
