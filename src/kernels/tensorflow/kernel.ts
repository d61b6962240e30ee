/** What the kernels here stand on: tfjs-node's backend runs any op of libtensorflow by its name. */
import * as tf from '@tensorflow/tfjs-core';
import type { SuppliedKernel } from '../install.js';

interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** What we use of `NodeJSKernelBackend`. Declared here because tfjs-node is an optional peer. */
export interface TensorflowBackend {
  readonly isUsingGpuDevice: boolean;
  readonly tensorMap: {
    get(dataId: tf.TensorInfo['dataId']): { values: ArrayLike<number> | null };
  };
  readonly binding: Readonly<
    Record<
      'TF_ATTR_TYPE' | 'TF_ATTR_BOOL' | 'TF_ATTR_FLOAT' | 'TF_ATTR_STRING' | 'TF_FLOAT',
      number
    >
  >;
  executeMultipleOutputs(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly tf.TensorInfo[],
    count: number,
  ): tf.Tensor[];
}

/** Attributes of an op of libtensorflow; numbers are of its type float. */
export type Attributes = Readonly<Record<string, number | boolean | string>>;

/** Runs an op of libtensorflow on float32 tensors. @returns Its first `count` outputs. */
export type RunOp = (
  name: string,
  inputs: readonly tf.Tensor[],
  attributes?: Attributes,
  count?: number,
) => tf.Tensor[];

function runOpOn(backend: TensorflowBackend): RunOp {
  const { binding } = backend;
  const typeOf = (value: number | boolean | string) => {
    if (typeof value === 'number') return binding.TF_ATTR_FLOAT;
    return typeof value === 'boolean' ? binding.TF_ATTR_BOOL : binding.TF_ATTR_STRING;
  };
  return (name, inputs, attributes = {}, count = 1) =>
    backend.executeMultipleOutputs(
      name,
      [
        { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
        ...Object.entries(attributes).map(([key, value]) => ({
          name: key,
          type: typeOf(value),
          value,
        })),
      ],
      inputs,
      count,
    );
}

/**
 * A kernel whose inputs are float32, run inside `tidy`. Others, and a GPU, on which nobody has measured it, get what was
 * registered before.
 */
export function defineKernel<Attrs>(
  kernelName: string,
  body: (inputs: tf.Tensor[], attrs: Attrs, run: RunOp) => tf.Tensor | tf.Tensor[],
): SuppliedKernel {
  return {
    kernelName,
    create: (stock) => (args) => {
      const inputs = Object.values(args.inputs) as tf.Tensor[];
      const backend = args.backend as TensorflowBackend;
      if (backend.isUsingGpuDevice || inputs.some(({ dtype }) => dtype !== 'float32')) {
        return (stock as tf.KernelFunc)(args);
      }
      return tf.tidy(() => body(inputs, args.attrs as unknown as Attrs, runOpOn(backend)));
    },
  };
}

/** Whether a tensor is zeros that libtensorflow has not seen yet, as the cotangents of unused outputs are. */
export function isUnusedCotangent(tensor: tf.Tensor): boolean {
  const { values } = (tf.backend() as unknown as TensorflowBackend).tensorMap.get(tensor.dataId);
  return values !== null && Array.from(values).every((value) => value === 0);
}
