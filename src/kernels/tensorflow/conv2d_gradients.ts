import * as tf from '@tensorflow/tfjs-core';
import type { SuppliedKernel } from '../install.js';
import { nameOfPadding, type Paddings, type Window, withoutNumber } from './padding.js';

type Attrs = Pick<Window, 'strides' | 'pad'> & {
  readonly inputShape: number[];
  readonly filterShape: number[];
};
type Inputs = Readonly<Record<'x' | 'dy' | 'filter', tf.Tensor4D>>;
/** Runs the kernel of tfjs-node with some inputs and attributes changed. */
type RunStock = (inputs: Partial<Inputs>, attrs: Partial<Attrs>) => tf.Tensor;

/** A gradient of a convolution, by the kernel of tfjs-node, which refuses any padding but `same` and `valid`. */
function defineGradient(
  kernelName: string,
  gradient: (inputs: Inputs, attrs: Attrs, run: RunStock) => tf.Tensor,
): SuppliedKernel {
  return {
    kernelName,
    create: (stock) => (args) => {
      const run: RunStock = (inputs, attrs) =>
        (stock as tf.KernelFunc)({
          ...args,
          inputs: { ...args.inputs, ...inputs },
          attrs: { ...args.attrs, ...attrs } as tf.NamedAttrMap,
        }) as tf.Tensor;
      const inputs = args.inputs as unknown as Inputs;
      return tf.tidy(() => gradient(inputs, args.attrs as unknown as Attrs, run));
    },
  };
}

/** Zeros that `same` and `valid` do not describe are put around x. */
const ofFilter = (kernelName: string, depthwise: boolean) =>
  defineGradient(kernelName, ({ x }, attrs, run) => {
    const { filterShape, strides, pad } = attrs;
    const name = nameOfPadding({ inputShape: x.shape, filterShape, strides, pad, depthwise });
    if (!name) return run({ x: tf.pad(x, withoutNumber(pad) as Paddings) }, { pad: 'valid' });
    if (filterShape[0] === 1 && filterShape[1] === 1) {
      return run({ x: everyPixelUsed(x, strides) }, { strides: 1, pad: 'valid' });
    }
    return run({}, { pad: name });
  });

/**
 * What a window of one pixel sees of `[B, H, W, C]`. Where it skips pixels, libtensorflow 2.21 computes the filter's
 * gradient past the end of its memory: with 8 channels and an odd batch, say.
 */
function everyPixelUsed(x: tf.Tensor4D, strides: Attrs['strides']): tf.Tensor4D {
  const [down, right = down] = [strides].flat() as [number, number?];
  if (down === 1 && right === 1) return x;
  return tf.stridedSlice(x, [0, 0, 0, 0], x.shape, [1, down, right, 1]) as tf.Tensor4D;
}

/** Zeros that `same` and `valid` do not describe are taken off the gradient. */
const ofInput = (kernelName: string, depthwise: boolean) =>
  defineGradient(kernelName, ({ filter }, { inputShape, strides, pad }, run) => {
    const filterShape = filter.shape;
    const name = nameOfPadding({ inputShape, filterShape, strides, pad, depthwise });
    if (name) return run({}, { pad: name });
    const paddings = withoutNumber(pad) as Paddings;
    const whole = inputShape.map((size, axis) => size + paddings[axis]![0] + paddings[axis]![1]);
    const dx = run({}, { inputShape: whole, pad: 'valid' });
    return tf.slice(
      dx,
      paddings.map(([zeros]) => zeros),
      inputShape,
    );
  });

export const convolutionGradients = [
  ofFilter(tf.Conv2DBackpropFilter, false),
  ofFilter(tf.DepthwiseConv2dNativeBackpropFilter, true),
  ofInput(tf.Conv2DBackpropInput, false),
  ofInput(tf.DepthwiseConv2dNativeBackpropInput, true),
];
