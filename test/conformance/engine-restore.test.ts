import { openEngine } from '../../src/engine/engines.ts';
import { describeEngineRestore } from './engine-restore.ts';

describeEngineRestore('tar', { open: () => openEngine('tar') });
