import { find, lookAtDestination, restoreFiles, stage, workflow } from '../src/steps/index.ts';

export const restore = workflow({
  name: 'restore',
  title: 'Restore files out of a recovery point',
  inputs: ['config', 'hostName', 'pointName', 'restoreRequest'],
  stages: [stage('point', [find, lookAtDestination]), stage('restore', [restoreFiles])],
});
