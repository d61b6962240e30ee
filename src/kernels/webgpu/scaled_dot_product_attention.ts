import { type TensorInfo, zeros } from '@tensorflow/tfjs-core';
import { isEmpty, multiHeadSizes } from '../attention_sizes.js';
import { type AttentionInputs, attend, attendGradients } from './attention.js';
import { defineKernel } from './kernel.js';

interface Attrs {
  readonly numHeads: number;
  readonly scale: number;
}

function inputsOf([query, key, value, bias]: TensorInfo[]): AttentionInputs {
  return { query: query!, key: key!, value: value!, bias };
}

/** Multi-head attention whose scores never exist all at once; see src/ops/scaled_dot_product_attention.ts. */
export const scaledDotProductAttention = defineKernel<Attrs>(
  'BtnScaledDotProductAttention',
  (backend, inputs, attrs) => {
    const given = inputsOf(inputs);
    const sizes = multiHeadSizes(given, attrs);
    const shape = [...given.query.shape.slice(0, 2), given.value.shape[2]!];
    return isEmpty(sizes) ? zeros(shape) : attend(backend, given, shape, sizes);
  },
);

/** Gradients of query, key, value and bias, from scores that are computed anew. */
export const scaledDotProductAttentionGrad = defineKernel<Attrs>(
  'BtnScaledDotProductAttentionGrad',
  (backend, [dy, ...inputs], attrs) => {
    const given = inputsOf(inputs);
    const sizes = multiHeadSizes(given, attrs);
    if (isEmpty(sizes)) return inputs.map(({ shape }) => zeros(shape));
    return attendGradients(backend, dy!, given, sizes);
  },
);
