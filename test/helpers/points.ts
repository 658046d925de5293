/** Points and attestations made up for tests of records, in place of those of a real backup. */
import type { PointDescription } from '../../src/point/captures.ts';
import { ATTESTATION_FORMAT, type Point, type Recovered, type Verification } from '../../src/point/point.ts';

export const at = '2026-11-20T02:00:00.000Z';

export const madeData: Point['data'] = {
  engine: 'tar',
  stored: {},
  entries: 1,
  bytes: 2,
  storedBytes: 3,
  references: [],
  findings: [],
  excluded: [],
  notes: [],
};

export function madeDescription(id: string, host = 'box'): PointDescription {
  return {
    id,
    createdAt: at,
    host: { name: host },
    include: ['/etc'],
    exclude: [],
    layout: { format: 'lifeboat.layout/1', capturedAt: at, components: [], gaps: [] },
    network: {
      format: 'lifeboat.network/1',
      capturedAt: at,
      hostname: host,
      links: [],
      routes: [],
      dns: { servers: [], search: [] },
      gaps: [],
    },
    facts: {
      format: 'lifeboat.facts/1',
      capturedAt: at,
      hostname: host,
      osRelease: { id: 'debian', prettyName: 'Debian' },
      kernel: '6.1',
      architecture: 'x86_64',
      cpuCount: 2,
      memoryBytes: 1024,
      firmware: 'unknown',
      packages: {},
      gaps: [],
    },
    coverage: [],
  };
}

export function madeVerification(point: string, changes: Partial<Verification> = {}): Verification {
  return {
    format: ATTESTATION_FORMAT,
    point,
    kind: 'verified',
    level: 'read-back',
    depth: 'content',
    scope: 'chain',
    result: 'passed',
    damage: [],
    at,
    by: { host: 'box', version: '1' },
    ...changes,
  };
}

export function madeRecovered(point: string, changes: Partial<Recovered> = {}): Recovered {
  return {
    format: ATTESTATION_FORMAT,
    point,
    kind: 'recovered',
    how: 'drill',
    what: 'machine',
    result: 'passed',
    seconds: 252,
    rpoSeconds: 7200,
    phases: [
      { name: 'start', seconds: 30 },
      { name: 'restore', seconds: 200 },
    ],
    at,
    by: { host: 'box', version: '1' },
    ...changes,
  };
}
