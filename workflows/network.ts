import { agreeToNetwork, changeNetwork, stage, workflow } from '../src/steps/index.ts';

export const network = workflow({
  name: 'network',
  title: 'Bring a network to the cards that are there, as a plan says',
  inputs: ['stateDir', 'networkPlan', 'networkRequest'],
  stages: [stage('agree', [agreeToNetwork]), stage('change', [changeNetwork])],
});
