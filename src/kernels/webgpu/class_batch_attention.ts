import { type TensorInfo, zeros } from '@tensorflow/tfjs-core';
import { type AttentionSizes, classBatchSizes, isEmpty } from '../attention_sizes.js';
import { type AttentionInputs, attend, attendGradients } from './attention.js';
import { defineKernel } from './kernel.js';

interface Attrs {
  readonly scale: number;
}

function sizesOf({ shape }: TensorInfo, { scale }: Attrs): AttentionSizes {
  return classBatchSizes(...(shape as [number, number, number]), scale);
}

function inputsOf([query, key, value, mask]: TensorInfo[]): AttentionInputs {
  return { query: query!, key: key!, value: value!, mask };
}

/** Class batch attention whose scores never exist all at once; see src/ops/class_batch_attention.ts. */
export const classBatchAttention = defineKernel<Attrs>(
  'ClassBatchAttention',
  (backend, inputs, attrs) => {
    const given = inputsOf(inputs);
    const sizes = sizesOf(given.query, attrs);
    const { shape } = given.value;
    return isEmpty(sizes) ? zeros(shape) : attend(backend, given, shape, sizes);
  },
);

/** Gradients of query, key and value, from scores that are computed anew. */
export const classBatchAttentionGrad = defineKernel<Attrs>(
  'ClassBatchAttentionGrad',
  (backend, [dy, ...inputs], attrs) => {
    const given = inputsOf(inputs);
    const sizes = sizesOf(given.query, attrs);
    if (isEmpty(sizes))
      return [given.query, given.key, given.value].map(({ shape }) => zeros(shape));
    return attendGradients(backend, dy!, given, sizes);
  },
);
