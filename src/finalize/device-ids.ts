/** Names below `/dev/disk/by-id`: made by udev of a disk's serial number or WWN, and the number of a partition. */
import type { Component } from '../layout/types.ts';
import type { Layers } from './layers.ts';

export function deviceIdText(layers: Layers, component: Component, name: string): boolean {
  const [, base = name, number] = /^(.*)-part(\d+)$/.exec(name) ?? [];
  const disk =
    number === undefined || component.kind !== 'partition' || component.number !== Number(number)
      ? component
      : layers.under(component.id).find(({ kind }) => kind === 'disk');
  if (disk?.kind !== 'disk' || (number !== undefined && component.kind !== 'partition')) return false;
  return [disk.serial, disk.wwn?.replace(/^0x/, '')].some(
    (text) =>
      text !== undefined && text.length >= 4 && base.toLowerCase().includes(text.replaceAll(' ', '_').toLowerCase()),
  );
}
