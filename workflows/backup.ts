import {
  checkKeys,
  identify,
  judgeCoverage,
  lock,
  plantCanary,
  readBack,
  readContainers,
  readFacts,
  readLayout,
  readNetwork,
  record,
  retain,
  settle,
  stage,
  storeData,
  verifyOldest,
  workflow,
} from '../src/steps/index.ts';

export const backup = workflow({
  name: 'backup',
  title: 'Back up this host',
  inputs: ['config', 'ownPaths', 'stateDir', 'version'],
  stages: [
    stage('prepare', [identify, checkKeys, lock]),
    stage('capture', [readLayout, readNetwork, readFacts, readContainers, judgeCoverage]),
    stage('store', [plantCanary, storeData]),
    stage('verify', [readBack]),
    stage('record', [record]),
    stage('after', [settle, verifyOldest, retain]),
  ],
});
