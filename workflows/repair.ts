import { decideRepair, identify, lock, repairRecords, stage, workflow } from '../src/steps/index.ts';

export const repair = workflow({
  name: 'repair',
  title: 'Make lost or damaged records anew out of the data',
  inputs: ['config', 'repairRequest', 'stateDir', 'version'],
  stages: [stage('prepare', [identify, lock]), stage('decide', [decideRepair]), stage('repair', [repairRecords])],
});
