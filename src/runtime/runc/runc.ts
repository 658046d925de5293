import { ociRuntime } from '../oci/runtime.ts';

/** Also those that containerd and docker run by it: each daemon has directories of its own. */
export const runc = ociRuntime('runc', ['/run/runc', '/run/containerd/runc', '/run/docker/runtime-runc'], 'state.json');
