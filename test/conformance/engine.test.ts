import { openEngine } from '../../src/engine/engines.ts';
import { describeEngine } from './engine.ts';

describeEngine('tar', { open: () => openEngine('tar') });
