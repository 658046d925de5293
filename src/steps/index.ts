/** Everything that a workflow may use, a site's own included: `import { … } from 'lifeboat/steps'`. */

export { type State, step } from './define.ts';
export { agreeToPlan, rebuildDisks } from './apply.ts';
export { agreeToNetwork, changeNetwork } from './network-apply.ts';
export { plantCanary } from './canary.ts';
export { judgeCoverage, readContainers, readFacts, readLayout, readNetwork } from './capture.ts';
export { freezeContainer, recordCheckpoint, storeCheckpoint } from './checkpoint.ts';
export { retainCheckpoints } from './checkpoint-retention.ts';
export { checkKeys } from './check-keys.ts';
export { decideForget, forgetPoints, retain } from './forget.ts';
export { identify, lock } from './prepare.ts';
export { decidePrune, prunePoints } from './prune.ts';
export { lookAtDestination, restoreFiles } from './restore.ts';
export { record, settle } from './record.ts';
export { mountRecovered, recreateDisks, restoreMachine } from './recover-build.ts';
export { endRecovery } from './recover-end.ts';
export { findForRecovery, verifyForRecovery } from './recover-find.ts';
export { finishRecovered, proveRecovered } from './recover-finish.ts';
export { agreeToRecovery, planRecovery } from './recover-plan.ts';
export { decideRepair, repairRecords } from './repair.ts';
export { readBack, storeData } from './store.ts';
export { find, judge, readBackPoints, selectPoints, verifyOldest } from './verify.ts';
export { stage, type Workflow, workflow } from '../workflow/workflow.ts';
export { stepsOf } from '../workflow/define.ts';
export { LifeboatError } from '../kernel/errors.ts';
