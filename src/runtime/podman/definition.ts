/** What a container of podman was made by: a quadlet, compose, or a command. */
import { present } from '../../kernel/present.ts';
import type { Definition } from '../model/container.ts';

/** Where quadlets of the system lie, the more important first. */
export const quadletPlaces = [
  '/etc/containers/systemd',
  '/run/containers/systemd',
  '/usr/share/containers/systemd',
] as const;

/**
 * @param quadlets paths of the files below {@link quadletPlaces}
 * @param command arguments that podman was called with
 */
export function definitionsOf(
  labels: Readonly<Record<string, string>>,
  quadlets: readonly string[],
  command: readonly string[],
): Definition[] {
  return [...quadletOf(labels, quadlets), ...composeOf(labels), ...commandOf(command)];
}

function quadletOf(labels: Readonly<Record<string, string>>, quadlets: readonly string[]): Definition[] {
  const unit = labels['PODMAN_SYSTEMD_UNIT'];
  if (unit === undefined) return [];
  // Of a template `web@blue.service` comes out of `web@.container`.
  const stem = unit.replace(/\.service$/, '').replace(/@.*$/, '@');
  const paths = quadlets.filter((path) => {
    const name = path.replace(/^.*\//, '');
    return name === `${stem}.container` || name === `${stem.replace(/-pod$/, '')}.pod` || name === `${stem}.kube`;
  });
  const [first] = paths;
  return first === undefined ? [] : [{ kind: first.endsWith('.kube') ? 'kube' : 'quadlet', paths: [first] }];
}

function composeOf(labels: Readonly<Record<string, string>>): Definition[] {
  const of = (name: string): string | undefined =>
    labels[`com.docker.compose.${name}`] ?? labels[`io.podman.compose.${name}`];
  const project = of('project');
  if (project === undefined) return [];
  const directory = of('project.working_dir');
  const files = (of('project.config_files') ?? '').split(',').filter((file) => file !== '');
  const paths = files.map((file) =>
    file.startsWith('/') || directory === undefined ? file : `${directory.replace(/\/$/, '')}/${file}`,
  );
  return [{ kind: 'compose', paths, project, ...present({ service: of('service') }) }];
}

function commandOf(command: readonly string[]): Definition[] {
  return command.length === 0 ? [] : [{ kind: 'command', paths: [], command: [...command] }];
}
