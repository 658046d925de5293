import {
  agreeToRecovery,
  endRecovery,
  findForRecovery,
  finishRecovered,
  mountRecovered,
  planRecovery,
  proveRecovered,
  recreateDisks,
  restoreMachine,
  stage,
  verifyForRecovery,
  workflow,
} from '../src/steps/index.ts';

/** Nothing before the stage `recreate` writes to a disk. */
export const recover = workflow({
  name: 'recover',
  title: 'Recover this machine from a recovery point',
  inputs: ['config', 'hostName', 'pointName', 'recoverRequest', 'beginAnew', 'destination', 'stateDir', 'version'],
  stages: [
    stage('find', [findForRecovery]),
    stage('verify', [verifyForRecovery]),
    stage('plan', [planRecovery]),
    stage('agree', [agreeToRecovery]),
    stage('recreate', [recreateDisks]),
    stage('mount', [mountRecovered]),
    stage('restore', [restoreMachine]),
    stage('finalize', [finishRecovered]),
    stage('prove', [proveRecovered]),
    stage('end', [endRecovery]),
  ],
});
