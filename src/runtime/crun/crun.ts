import { ociRuntime } from '../oci/runtime.ts';

export const crun = ociRuntime('crun', ['/run/crun'], 'status');
