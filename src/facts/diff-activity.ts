/** What has changed of who works on a host and what runs there. Whether it ran at that very moment does not count. */
import type { Change } from '../kernel/change.ts';
import type { Container } from './container.ts';
import { setChanges, unseen, valueChange } from './diff-sets.ts';
import type { Guest } from './guest.ts';
import type { Port } from './ports.ts';
import type { Facts } from './types.ts';

export function activityChanges(before: Facts, after: Facts): Change[] {
  return [
    ...userChanges(before, after),
    ...serviceChanges(before, after),
    ...timerChanges(before, after),
    ...cronChanges(before, after),
    ...portChanges(before, after),
    ...containerChanges(before, after),
    ...guestChanges(before, after),
  ];
}

function userChanges(before: Facts, after: Facts): Change[] {
  if (before.users === undefined || after.users === undefined) return [];
  return setChanges({
    before: before.users,
    after: after.users,
    key: ({ name }) => `user ${name}`,
    added: ({ name }) => ({ risk: 'data', text: `user ${name} can log in now` }),
    removed: ({ name }) => ({ risk: 'appearance', text: `user ${name} cannot log in any more` }),
    changed: (was, is) => [
      ...(['uid', 'gid', 'home', 'shell', 'passwordState'] as const).flatMap((attribute) =>
        valueChange({
          subject: `user ${is.name}`,
          attribute,
          was: was[attribute],
          is: is[attribute],
          risk: attribute === 'home' ? 'data' : 'appearance',
        }),
      ),
      ...valueChange({
        subject: `user ${is.name}`,
        attribute: 'ssh keys',
        was: was.sshKeys === undefined ? undefined : was.sshKeys ? 'there' : 'none',
        is: is.sshKeys === undefined ? undefined : is.sshKeys ? 'there' : 'none',
        risk: is.sshKeys === true ? 'data' : 'appearance',
      }),
    ],
  });
}

/** snapd enables a mount for each revision of each snap. */
const churn = /^snap-.+\.mount$/;

function serviceChanges(before: Facts, after: Facts): Change[] {
  const [old, now] = [before.services, after.services];
  if (old === undefined || now === undefined) return [];
  const names = (services: typeof old) => services.enabled.map(({ name }) => name).filter((name) => !churn.test(name));
  const init = valueChange({ subject: 'init', was: old.init, is: now.init, risk: 'data' });
  if (init.length > 0) return init;
  return setChanges({
    before: names(old),
    after: names(now),
    key: (name) => `service ${name}`,
    added: (name) => ({ risk: 'data', text: `${name} is enabled now` }),
    removed: (name) => ({ risk: 'appearance', text: `${name} is not enabled any more` }),
    partBefore: unseen(before, 'services'),
    partAfter: unseen(after, 'services'),
  });
}

function timerChanges(before: Facts, after: Facts): Change[] {
  const part = (facts: Facts) => facts.timers === undefined || unseen(facts, 'timers', 'services');
  const enabled = ({ timers }: Facts) => timers?.filter((timer) => timer.enabled) ?? [];
  return setChanges({
    before: enabled(before),
    after: enabled(after),
    key: ({ name }) => `timer ${name}`,
    added: ({ name }) => ({ risk: 'data', text: `${name} is enabled now` }),
    removed: ({ name }) => ({ risk: 'appearance', text: `${name} is not enabled any more` }),
    changed: (was, is) =>
      part(before) || part(after)
        ? []
        : valueChange({
            subject: is.name,
            attribute: 'schedule',
            was: was.schedule.join(' ') || 'none',
            is: is.schedule.join(' ') || 'none',
            risk: 'appearance',
          }),
    partBefore: part(before),
    partAfter: part(after),
  });
}

function cronChanges(before: Facts, after: Facts): Change[] {
  return setChanges({
    before: before.cron ?? [],
    after: after.cron ?? [],
    key: ({ source, user, schedule, command }) => `cron ${source}: ${schedule} ${user} ${command}`,
    added: ({ source, schedule, command }) => ({ risk: 'data', text: `${source} runs now, ${schedule}: ${command}` }),
    removed: ({ source, schedule, command }) => ({
      risk: 'appearance',
      text: `${source} does not run any more, ${schedule}: ${command}`,
    }),
    partBefore: before.cron === undefined || unseen(before, 'cron'),
    partAfter: after.cron === undefined || unseen(after, 'cron'),
  });
}

const loopback = /^(?:127\.|::1$|::ffff:7f)/;

/**
 * What a service listens on for good. The kernel chose the ephemeral ones; resolvers, telephony and clients open ports
 * of UDP for a moment, also below that range.
 */
function lasting({ protocol, port, ephemeral }: Port): boolean {
  return !ephemeral && (protocol === 'tcp' || port < 1024);
}

/** By port, not by address: those come and go with leases and bridges. */
function portKey({ protocol, port, address }: Port): string {
  return `port ${port}/${protocol}${loopback.test(address) ? ' for the machine itself' : ''}`;
}

/** A port that nobody listens on now is no change: whoever does may be starting again. */
function portChanges(before: Facts, after: Facts): Change[] {
  if (before.ports === undefined || after.ports === undefined) return [];
  const listened = new Set(before.ports.flatMap(({ unit }) => unit ?? []));
  const enabled = new Set(before.services?.enabled.map(({ name }) => name));
  // What was enabled and listened on nothing was not running when the older capture was made.
  const wasDown = ({ unit }: Port) => unit !== undefined && enabled.has(unit) && !listened.has(unit);
  return setChanges({
    before: before.ports.filter(lasting),
    after: after.ports.filter(lasting),
    key: portKey,
    added: (port) => {
      if (wasDown(port)) return undefined;
      const by = port.unit ?? port.process;
      return { risk: 'data', text: `${by === undefined ? 'something' : by} listens on ${portKey(port)} now` };
    },
    removed: () => undefined,
  });
}

const containerGaps = [
  'containers',
  'podman containers',
  'docker containers',
  'guests',
  'guests of libvirt',
  '/etc/docker/daemon.json',
  '/etc/passwd',
];

/** What goes by itself, what an orchestrator puts where it likes, and what is there while an image is built. */
function comesAndGoes({ name, transient }: Container): boolean {
  return transient === true || name.startsWith('k8s_') || /-working-container(?:-\d+)?$/.test(name);
}

/** A container that is made anew from its image gets another layer and another id. */
function places({ paths }: Container): Set<string> {
  return new Set(paths.filter((path) => !/[0-9a-f]{64}/.test(path)));
}

function containerChanges(before: Facts, after: Facts): Change[] {
  const label = ({ manager, name, user }: Container) =>
    `container ${name} of ${manager}${user === undefined ? '' : ` of user ${user}`}`;
  return setChanges({
    before: (before.containers ?? []).filter((item) => !comesAndGoes(item)),
    after: (after.containers ?? []).filter((item) => !comesAndGoes(item)),
    key: label,
    added: (item) => ({ risk: 'data', text: `${label(item)} is there now` }),
    removed: (item) => ({ risk: 'appearance', text: `${label(item)} is not there any more` }),
    changed: (was, is) => {
      // What podman mounts is known only after a container's first start.
      if (places(was).size === 0) return [];
      return [...places(is).difference(places(was))].map((path) => ({
        subject: label(is),
        change: 'changed',
        attribute: 'paths',
        risk: 'data',
        text: `${label(is)} keeps data in ${path} now`,
      }));
    },
    partBefore: before.containers === undefined || unseen(before, ...containerGaps),
    partAfter: after.containers === undefined || unseen(after, ...containerGaps),
  });
}

/** Of guests that are nothing but a process or run until they stop, such as those of a drill, nothing would be left. */
function defined({ manager, transient }: Guest): boolean {
  return manager !== 'qemu' && transient !== true;
}

function guestChanges(before: Facts, after: Facts): Change[] {
  const label = ({ manager, name, id }: Guest) =>
    `guest ${name}${manager === 'proxmox' ? ` (${id})` : ''} of ${manager}`;
  const part = (facts: Facts) => facts.guests === undefined || unseen(facts, 'guests', 'guests of libvirt');
  return setChanges({
    before: (before.guests ?? []).filter(defined),
    after: (after.guests ?? []).filter(defined),
    key: label,
    added: (item) => ({ risk: 'data', text: `${label(item)} is there now` }),
    removed: (item) => ({ risk: 'appearance', text: `${label(item)} is not there any more` }),
    changed: (was, is) => [
      ...[...new Set(is.disks).difference(new Set(was.disks))].map(
        (disk): Change => ({
          subject: label(is),
          change: 'changed',
          attribute: 'disks',
          risk: 'data',
          text: `${label(is)} has the disk ${disk} now`,
        }),
      ),
      ...[...new Set(was.disks).difference(new Set(is.disks))].map(
        (disk): Change => ({
          subject: label(is),
          change: 'changed',
          attribute: 'disks',
          risk: 'appearance',
          text: `${label(is)} does not have the disk ${disk} any more`,
        }),
      ),
    ],
    partBefore: part(before),
    partAfter: part(after),
  });
}
