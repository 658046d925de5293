import { decideForget, forgetPoints, identify, lock, stage, workflow } from '../src/steps/index.ts';

export const forget = workflow({
  name: 'forget',
  title: 'Forget recovery points',
  inputs: ['config', 'stateDir', 'forgetRequest'],
  stages: [stage('prepare', [identify, lock]), stage('decide', [decideForget]), stage('forget', [forgetPoints])],
});
