/** Kernel command lines: what they say of devices, as it has to be said from now on. */
import { parameters } from '../layout/boot/command-line.ts';
import { filesystemOf } from './fstab.ts';
import type { Layers } from './layers.ts';
import { specNow } from './specs.ts';

/** Gives a line in which each parameter that says what it should stands as it did. */
export function commandLineOf(captured: Layers, now: Layers): (line: string) => string {
  const root = filesystemOf(captured, captured.at('/'));
  const subvolume = captured.at('/');
  return (line) => {
    const words = parameters(line);
    const changed = words.map((word) => changedWord(word));
    return words.every((word, index) => word === changed[index])
      ? line
      : changed.filter((word) => word !== undefined).join(' ');
  };

  /** `undefined` for one that is not said any more. */
  function changedWord(word: string): string | undefined {
    const [, name = '', value = ''] = /^([\w.-]+)=(.*)$/s.exec(word) ?? [];
    switch (name) {
      case 'root':
        return `root=${spec(value, root) ?? value}`;
      case 'resume': {
        const is = specNow(captured, now, value);
        return is.state === 'gone' ? undefined : `resume=${is.state === 'moved' ? is.spec : value}`;
      }
      case 'rootflags': {
        const [was, is] = [captured.get(subvolume ?? ''), now.get(subvolume ?? '')];
        if (was?.kind !== 'subvolume' || is?.kind !== 'subvolume') return word;
        return word.replace(/(?<=[=,])subvolid=\d+/, `subvolid=${is.number}`);
      }
      case 'cryptdevice': {
        const [, device = value, rest = ''] = /^((?:[A-Z]+=)?[^:]*)(:.*)$/s.exec(value) ?? [];
        const is = specNow(captured, now, device);
        return is.state === 'gone' ? undefined : `cryptdevice=${is.state === 'moved' ? is.spec : device}${rest}`;
      }
      case 'rd.luks.uuid':
      case 'rd_LUKS_UUID':
      case 'rd.luks.name':
        return hasLeft('luks', /[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}/i.exec(value)?.[0]) ? undefined : word;
      case 'rd.md.uuid':
      case 'rd_MD_UUID':
        return hasLeft('md', value) ? undefined : word;
      default:
        return word;
    }
  }

  function spec(value: string, content: string | undefined): string | undefined {
    const is = specNow(captured, now, value, content);
    return is.state === 'moved' ? is.spec : undefined;
  }

  /** It was on this machine, and was not built again. */
  function hasLeft(kind: 'luks' | 'md', uuid: string | undefined): boolean {
    const digits = (text: string | undefined): string => (text ?? '').replace(/[^\da-f]/gi, '').toLowerCase();
    const is = ({ uuid: own }: { readonly uuid?: string }): boolean =>
      own !== undefined && digits(own) === digits(uuid);
    return digits(uuid) !== '' && captured.of(kind).some(is) && !now.of(kind).some(is);
  }
}
