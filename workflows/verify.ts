import { identify, judge, readBackPoints, selectPoints, stage, workflow } from '../src/steps/index.ts';

export const verify = workflow({
  name: 'verify',
  title: 'Verify recovery points',
  inputs: ['config', 'stateDir', 'verifyRequest', 'version'],
  stages: [stage('points', [identify, selectPoints]), stage('verify', [readBackPoints]), stage('result', [judge])],
});
