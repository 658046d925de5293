import {
  checkKeys,
  freezeContainer,
  identify,
  lock,
  recordCheckpoint,
  retainCheckpoints,
  stage,
  storeCheckpoint,
  workflow,
} from '../src/steps/index.ts';

export const checkpoint = workflow({
  name: 'checkpoint',
  title: 'Put a running container into the repository',
  inputs: ['config', 'stateDir', 'version', 'checkpointRequest'],
  stages: [
    stage('prepare', [identify, checkKeys, lock]),
    stage('freeze', [freezeContainer]),
    stage('store', [storeCheckpoint]),
    stage('record', [recordCheckpoint]),
    stage('after', [retainCheckpoints]),
  ],
});
