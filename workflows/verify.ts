import { attest, find, identify, judge, readBackPoint, stage, workflow } from '../src/steps/index.ts';

export const verify = workflow({
  name: 'verify',
  title: 'Verify a recovery point',
  inputs: ['config', 'pointName', 'version'],
  stages: [stage('point', [identify, find]), stage('verify', [readBackPoint]), stage('record', [attest, judge])],
});
