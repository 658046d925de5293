import { decidePrune, identify, lock, prunePoints, stage, workflow } from '../src/steps/index.ts';

export const prune = workflow({
  name: 'prune',
  title: 'Remove what no recovery point refers to',
  inputs: ['config', 'stateDir', 'pruneRequest'],
  stages: [stage('prepare', [identify, lock]), stage('decide', [decidePrune]), stage('prune', [prunePoints])],
});
