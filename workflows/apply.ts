import { agreeToPlan, rebuildDisks, stage, workflow } from '../src/steps/index.ts';

export const apply = workflow({
  name: 'apply',
  title: 'Build disks anew as a plan says',
  inputs: ['stateDir', 'layoutPlan', 'applyRequest'],
  stages: [stage('agree', [agreeToPlan]), stage('recreate', [rebuildDisks])],
});
