import * as tf from '@tensorflow/tfjs-core';
import type { SuppliedKernel } from '../install.js';
import { withZero } from './pad.js';

interface Attrs {
  transposeA: boolean;
  transposeB: boolean;
}

/**
 * Matrix products over an odd number of terms. The stock kernel reads four values at a time, two by two of a matrix; of an
 * odd row it multiplies what lies behind its end, too, which whatever made the operand left there, such as the 1 of an
 * `exp`. A zero behind each row makes it even.
 */
function ofEvenRows(kernelName: string): SuppliedKernel {
  return {
    kernelName,
    create: (stock) => (args) => {
      const { a, b } = args.inputs as { a: tf.Tensor; b: tf.Tensor };
      const { transposeA, transposeB } = args.attrs as unknown as Attrs;
      const run = stock as tf.KernelFunc;
      if (a.shape.at(transposeA ? -2 : -1)! % 2 === 0) return run(args);
      const inner = (x: tf.Tensor, isRows: boolean) => x.rank - (isRows ? 2 : 1);
      const padded = {
        a: withZero(a, inner(a, transposeA)),
        b: withZero(b, inner(b, !transposeB)),
      };
      const product = run({ ...args, inputs: { ...args.inputs, ...padded } });
      tf.dispose([padded.a, padded.b]);
      return product;
    },
  };
}

export const batchMatMul = ofEvenRows(tf.BatchMatMul);
export const fusedMatMul = ofEvenRows(tf._FusedMatMul);
