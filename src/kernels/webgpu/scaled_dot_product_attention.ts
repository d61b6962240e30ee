import { type TensorInfo, zeros } from '@tensorflow/tfjs-core';
import {
  type AttentionInputs,
  type AttentionSizes,
  attend,
  attendGradients,
  isEmpty,
} from './attention.js';
import { defineKernel } from './kernel.js';

interface Attrs {
  readonly numHeads: number;
  readonly scale: number;
}

function sizesOf(
  { query, key, value }: AttentionInputs,
  { numHeads, scale }: Attrs,
): AttentionSizes {
  const [batch, queries, queryWidth] = query.shape as [number, number, number];
  return {
    batch,
    heads: numHeads,
    queries,
    keys: key.shape[1]!,
    depth: queryWidth / numHeads,
    width: value.shape[2]! / numHeads,
    scale,
  };
}

function inputsOf([query, key, value, bias]: TensorInfo[]): AttentionInputs {
  return { query: query!, key: key!, value: value!, bias };
}

/** Multi-head attention whose scores never exist all at once; see src/ops/scaled_dot_product_attention.ts. */
export const scaledDotProductAttention = defineKernel<Attrs>(
  'BtnScaledDotProductAttention',
  (backend, inputs, attrs) => {
    const given = inputsOf(inputs);
    const sizes = sizesOf(given, attrs);
    const shape = [...given.query.shape.slice(0, 2), given.value.shape[2]!];
    return isEmpty(sizes) ? zeros(shape) : attend(backend, given, shape, sizes);
  },
);

/** Gradients of query, key, value and bias, from scores that are computed anew. */
export const scaledDotProductAttentionGrad = defineKernel<Attrs>(
  'BtnScaledDotProductAttentionGrad',
  (backend, [dy, ...inputs], attrs) => {
    const given = inputsOf(inputs);
    const sizes = sizesOf(given, attrs);
    if (isEmpty(sizes)) return inputs.map(({ shape }) => zeros(shape));
    return attendGradients(backend, dy!, given, sizes);
  },
);
