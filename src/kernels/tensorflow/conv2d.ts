import {
  Conv2D,
  DepthwiseConv2dNative,
  FusedConv2D,
  FusedDepthwiseConv2D,
  type KernelFunc,
  type NamedAttrMap,
} from '@tensorflow/tfjs-core';
import type { SuppliedKernel } from '../install.js';
import { type Pad, withoutNumber } from './padding.js';

/** The convolution of tfjs-node, which refuses a number as padding, in a form that it takes. */
const withPadding = (kernelName: string): SuppliedKernel => ({
  kernelName,
  create: (stock) => (args) => {
    const pad = withoutNumber(args.attrs?.pad as Pad);
    return (stock as KernelFunc)({ ...args, attrs: { ...args.attrs, pad } as NamedAttrMap });
  },
});

export const convolutions = [Conv2D, DepthwiseConv2dNative, FusedConv2D, FusedDepthwiseConv2D].map(
  withPadding,
);
