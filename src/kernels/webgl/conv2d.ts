import * as tf from '@tensorflow/tfjs-core';
import type { SuppliedKernel } from '../install.js';
import { withZero } from './pad.js';

/** Convolutions 1×1 of an odd number of channels, which are matrix products inside the stock kernel: see mat_mul.ts. */
function ofEvenChannels(kernelName: string): SuppliedKernel {
  return {
    kernelName,
    create: (stock) => (args) => {
      const { x, filter } = args.inputs as { x: tf.Tensor; filter: tf.Tensor };
      const { dataFormat } = args.attrs as unknown as { dataFormat: string };
      const run = stock as tf.KernelFunc;
      const [height, width, channels] = filter.shape as [number, number, number];
      if (height * width > 1 || channels % 2 === 0 || dataFormat !== 'NHWC') return run(args);
      const padded = { x: withZero(x, 3), filter: withZero(filter, 2) };
      const y = run({ ...args, inputs: { ...args.inputs, ...padded } });
      tf.dispose([padded.x, padded.filter]);
      return y;
    },
  };
}

export const conv2d = ofEvenChannels(tf.Conv2D);
export const fusedConv2d = ofEvenChannels(tf.FusedConv2D);
