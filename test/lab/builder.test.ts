import { describeBuilder } from './describe-builder.ts';

describeBuilder('debian12');
