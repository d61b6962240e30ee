import { Cast, getKernel, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { SuppliedKernel } from '../install.js';
import type { WasmBackend } from './heap.js';

/** Computes outputs from float32 inputs, in the order of the op. */
type OpKernelBody<Attrs> = (
  backend: WasmBackend,
  inputs: TensorInfo[],
  attrs: Attrs,
) => TensorInfo[];

/** The kernel of an op of ours (see `defineOp`), whose inputs are a list. Runs on float32 alone. */
export function defineOpKernel<Attrs>(
  kernelName: string,
  body: OpKernelBody<Attrs>,
): SuppliedKernel {
  return {
    kernelName,
    create: () => (args) => {
      const backend = args.backend as WasmBackend;
      const given = Object.values(args.inputs) as TensorInfo[];
      const inputs = given.map((input) => toFloat32(backend, input));
      const outputs = body(backend, inputs, args.attrs as unknown as Attrs);
      inputs.forEach((input, i) => {
        if (input !== given[i]) backend.disposeData(input.dataId);
      });
      return outputs;
    },
  };
}

function toFloat32(backend: WasmBackend, x: TensorInfo): TensorInfo {
  if (x.dtype === 'float32') return x;
  const { kernelFunc } = getKernel(Cast, 'wasm');
  return kernelFunc({ inputs: { x }, backend, attrs: { dtype: 'float32' } }) as TensorInfo;
}

/** An array [..., C] as rows of channels. */
export function rowsOf({ shape }: TensorInfo): { rows: number; channels: number } {
  const channels = shape.at(-1) ?? 1;
  return { rows: util.sizeFromShape(shape.slice(0, -1)), channels };
}

/** Float32 elements of arrays that hold sums of `channels`, in whole vectors. */
export function paddedSize(channels: number): number {
  return (channels + 3) & ~3;
}
