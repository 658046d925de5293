import { Command } from 'commander';
import { forgetCommand } from './points/forget.ts';
import { headerCommand } from './points/header.ts';
import { diffCommand, lsCommand } from './points/inside.ts';
import { coverageCommand, listCommand, showCommand } from './points/look.ts';
import { pinCommand, unpinCommand } from './points/pin.ts';
import { pruneCommand } from './points/prune.ts';
import { repairCommand } from './points/repair.ts';
import { verifyCommand } from './points/verify.ts';

export function pointsCommand(): Command {
  const commands = [
    listCommand,
    showCommand,
    lsCommand,
    diffCommand,
    headerCommand,
    coverageCommand,
    verifyCommand,
    forgetCommand,
    pinCommand,
    unpinCommand,
    pruneCommand,
    repairCommand,
  ];
  return commands.reduce((points, make) => points.addCommand(make()), new Command('points'));
}
