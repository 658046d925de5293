import { stringify } from 'yaml';

export interface ConfigChoices {
  readonly repository: string;
  readonly engine: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly host?: string | undefined;
  /** Of the host key file; without one nothing is encrypted or signed. */
  readonly key?: string | undefined;
  readonly encryption?: 'age' | 'none' | undefined;
}

/** The text of a configuration with these choices and a word on everything else that can be chosen. */
export function configTemplate({ repository, engine, include, exclude, host, key, encryption }: ConfigChoices): string {
  return `# The configuration of lifeboat on this host. No secret belongs in this file: keep secrets in a file that only
# root can read, in an environment variable or in a systemd credential.

# Where the recovery points live.
repository: ${scalar(repository)}

# How the data of files is stored there.
engine: ${scalar(engine)}

# The name of this host in the repository. Without it, the name that the system has.
${host === undefined ? '# host: name' : `host: ${scalar(host)}`}

# The key of this host. Without it nothing is encrypted or signed. The recovery code opens all that this key opens.
${key === undefined ? '# key: /etc/lifeboat/host.key' : `key: ${scalar(key)}`}

# age: data and records are encrypted. none: records are signed, and whoever reads the repository reads the data.
encryption: ${encryption ?? 'age'}

# For a repository at sftp://: how to log in, where that differs from what \`ssh\` itself would do. The passphrase of a
# key is the secret ssh-passphrase.
# ssh:
#   identityFile: /etc/lifeboat/ssh_key
#   knownHosts: /etc/lifeboat/known_hosts
#   configFile: /etc/lifeboat/ssh_config

backup:
  # What is backed up: absolute paths, each with everything below it in the same filesystem.
  include:${list(include)}

  # What is left out, with everything below it: /whole/paths, or names and patterns that match anywhere (cache, *.iso).
  # * stands for any text, slashes too; a backslash before it takes that from it.
  exclude:${list(exclude)}

  # Filesystems that are mounted below: none, local (all on disks), or a list of mount points.
  # crossMounts: local

  # Leave out what is in directories tagged as caches (CACHEDIR.TAG), and large files.
  # excludeCaches: true
  # maxFileSize: 20G

  # What only this host has of its containers, volumes and changed files, is backed up wherever it lies, and so are layers of their
  # images; local only lists those that look as if they could be pulled again. See docs/containers.md.
  # containerData: true
  # containerImages: all

  # Store what has changed only, with a full point after so many. compare: hash reads every file to know what has. See
  # docs/backup.md.
  # incremental: true
  # fullEvery: 7
  # compare: metadata

  # From 1 (fastest) to 19 (smallest).
  compressionLevel: 3

# Which points are kept: the last ones, and one of each of the last hours, days, weeks, months and years that have any (by
# UTC). The others are forgotten after each backup. Without this section none ever is. See docs/points.md.
# retention:
#   last: 3
#   daily: 14
#   weekly: 8
#   monthly: 12
#   minimum: 3     # never fewer verified points than that remain

# What is read back after each backup: the new point (full, or none), and how many of those that were verified the
# longest ago.
verify:
  after: full
  oldest: 0

# When jobs run by themselves, under \`lifeboat schedule run\` (\`lifeboat schedule install\` makes a service of it). Jobs are
# backup, verify, prune, check, rescue and drill. Cron expressions have five fields: minute, hour, day of month, month, day of week.
# schedule:
#   backup:
#     cron: '30 2 * * *'
#     timeZone: Europe/Berlin      # without it, that of the system
#     randomDelay: 20m             # up to so much later, so that many hosts do not come at once
#     timeLimit: 8h
#     catchUp: true                # a run that was missed, by sleep or power-off, is made up once
#     retry: { attempts: 3, delay: 5m, maxDelay: 1h }
#     pause: { onBattery: true, pressure: 60, atMost: 4h }   # wait while so; pressure is of /proc/pressure, in percent
#   check:
#     cron: '*/15 * * * *'

# How old the newest verified point may be. When it is older, that is told, and \`lifeboat status\` ends with 4.
# rpo: 26h

# How long a recovery may take, which drills measure, and how old the last drill that passed may be (docs/drill.md).
# rto: 30m
# drill:
#   every: 7d
#   memory: 4G                     # without it, as recorded, as far as this host can spare it
#   limit: 6h                      # without it, three hours, and a minute for each 256 MiB of files
#   mayFail: [chrony.service]      # units that fail where nothing can be reached
#   checks:                        # looked at in the recovered machine: command, http, tcp, sql or file
#     - { name: shop, http: 'http://127.0.0.1/health', expect: ok }

# Who is told of failures and of silence, besides the drop-ins in hooks.d/notify/.
# notify:
#   webhook: https://ops.example.org/lifeboat   # or: secret, when the URL itself is one (docs/schedules.md)
#   mail: { to: root }
#   prometheus: /var/lib/prometheus/node-exporter/lifeboat.prom

# An unattended recovery (docs/recover.md): which disks it may overwrite without asking, how it ends, and where else points are.
# recover:
#   consent: blank-disks           # or: { serials: [S1ABC], slots: ['pci-0000:00:1f.2-ata-1'] }
#   after: reboot                  # or: poweroff
#   repositories: [sftp://backup@other.example.org/points]

# Steps that are left out, by id; \`lifeboat workflow show backup\` lists them.
skip: []

# How long a step may take, by id: 90s, 15m, 2h, 1d.
# limits:
#   store.data: 8h

# How often a step is tried again after a failure that may pass, by id: 0 to 10.
# retries:
#   store.data: 3
`;
}

function list(items: readonly string[]): string {
  return items.length === 0 ? ' []' : items.map((item) => `\n    - ${scalar(item)}`).join('');
}

/** One value on one line, quoted where YAML needs it. */
function scalar(value: string): string {
  // Written as UTF-8, a name that is no valid UTF-8 would be lost; escaped, it survives.
  if (!value.isWellFormed()) return JSON.stringify(value);
  return stringify(value, {
    lineWidth: 0,
    blockQuote: false,
    doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
  }).trimEnd();
}
