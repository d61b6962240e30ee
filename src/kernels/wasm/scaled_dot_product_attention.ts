import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type AttentionSizes, isEmpty, multiHeadSizes } from '../attention_sizes.js';
import { type AttentionInputs, attend, attendGradients } from './attention.js';
import { addressOf, defineKernel, makeZeros, type WasmBackend } from './heap.js';

interface Attrs {
  readonly numHeads: number;
  readonly scale: number;
}

type Inputs = readonly [query: TensorInfo, key: TensorInfo, value: TensorInfo, bias?: TensorInfo];

function sizesOf([query, key, value]: Inputs, attrs: Attrs): AttentionSizes {
  return multiHeadSizes({ query, key, value }, attrs);
}

function addressesOf(backend: WasmBackend, [query, key, value, bias]: Inputs): AttentionInputs {
  return {
    query: addressOf(backend, query),
    key: addressOf(backend, key),
    value: addressOf(backend, value),
    bias: bias ? addressOf(backend, bias) : 0,
  };
}

/** Multi-head attention whose scores never exist all at once; see src/ops/scaled_dot_product_attention.ts. */
export const scaledDotProductAttention = defineKernel<string, Attrs>(
  'BtnScaledDotProductAttention',
  () =>
    ({ inputs, backend, attrs }) => {
      const given = inputs as unknown as Inputs;
      const [query, , value] = given;
      const shape = [...query.shape.slice(0, 2), value.shape[2] as number];
      const sizes = sizesOf(given, attrs);
      if (isEmpty(sizes)) return makeZeros(backend, shape);
      const out = backend.makeOutput(shape, 'float32');
      attend(backend, addressesOf(backend, given), addressOf(backend, out), sizes);
      return out;
    },
);

/** Gradients of query, key, value and bias, from scores that are computed anew. */
export const scaledDotProductAttentionGrad = defineKernel<string, Attrs, TensorInfo[]>(
  'BtnScaledDotProductAttentionGrad',
  () =>
    ({ inputs, backend, attrs }) => {
      const [dy, ...rest] = inputs as unknown as readonly [TensorInfo, ...Inputs];
      const given: Inputs = rest;
      const sizes = sizesOf(given, attrs);
      const shapes = given.map((x) => (x as TensorInfo).shape);
      if (isEmpty(sizes)) return shapes.map((shape) => makeZeros(backend, shape));
      const outputs = shapes.map((shape) => backend.makeOutput(shape, 'float32'));
      attendGradients(
        backend,
        addressOf(backend, dy),
        addressesOf(backend, given),
        addressesOf(backend, outputs as unknown as Inputs),
        sizes,
      );
      return outputs;
    },
);
