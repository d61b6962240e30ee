import * as tf from '@tensorflow/tfjs-core';

/** Small tensors too: by default, webgl and webgpu compute what is small on the cpu. */
export function computeOnGpu(): void {
  const flag = tf.getBackend() === 'webgl' ? 'WEBGL_CPU_FORWARD' : 'WEBGPU_CPU_FORWARD';
  tf.env().set(flag, false);
}
