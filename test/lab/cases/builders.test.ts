/** The builders of all releases. */
import { releases } from '../builder.ts';
import { describeBuilder } from '../describe-builder.ts';

for (const release of releases) describeBuilder(release);
