import { openEngine } from '../../src/engine/engines.ts';
import { describeChains } from './engine-chains.ts';

describeChains('tar', { open: () => openEngine('tar') });
