/** The host's own configuration of its network, where the cards here are others. */
import { LifeboatError } from '../kernel/errors.ts';
import { impossibleLinks } from '../network/rebuild/plan.ts';
import { filesBelow } from '../network/rebuild/written/files.ts';
import { givenNames } from '../network/rebuild/written/given-names.ts';
import { fromRecords } from '../network/rebuild/written/identities.ts';
import { planWritten } from '../network/rebuild/written/plan.ts';
import { rewritten } from '../network/rebuild/written/rewrite.ts';
import type { Deed, NewFile } from './scene.ts';
import type { Subject } from './site.ts';

export const network: Subject = {
  name: 'network',
  async plan({ scene, host, finding }, signal) {
    try {
      const { root, network: found, captured } = scene;
      const wanted = captured.network;
      const lost = impossibleLinks({ wanted, found });
      const files = await filesBelow(host, root, signal);
      const given = await givenNames(found, host, signal);
      const plan = planWritten({ wanted, found, root, files, given, exclude: lost });
      for (const name of lost) {
        const card = wanted.links.find((link) => link.name === name);
        if (card?.permanentMac !== undefined) finding({ subject: name, problem: 'no card here takes its place' });
      }
      if (plan.files.length === 0) return [];
      for (const note of plan.notes) finding({ subject: 'network', problem: note });
      const identities = fromRecords(plan.identities);
      const written = plan.files.flatMap(({ path, renamedTo }): NewFile[] => {
        const content = rewritten(path, files.get(path) ?? '', identities);
        return renamedTo === undefined ? [{ path, content }] : [{ path: renamedTo, content, like: path }, { path }];
      });
      const changed = plan.cards.filter(({ id, from, name, was }) => id !== from || name !== was);
      const deed: Deed = {
        id: 'network',
        title: 'make the configuration of the network fit the cards that are here',
        why: changed.map(({ was, from, name, id }) => `${was} (${from}) is ${name} (${id})`).join('; '),
        needed: false,
        files: written,
        commands: [],
        changes: written.map(({ path }) => path),
      };
      return [deed];
    } catch (error) {
      if (!(error instanceof LifeboatError) || error.code === 'interrupted') throw error;
      finding({ subject: 'network', problem: `its configuration is as it was: ${error.message}` });
      return [];
    }
  },
};
