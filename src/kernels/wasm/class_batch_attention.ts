import type { TensorInfo } from '@tensorflow/tfjs-core';
import { classBatchSizes, isEmpty } from '../attention_sizes.js';
import { attend, attendGradients } from './attention.js';
import {
  addressOf,
  copyRun,
  defineKernel,
  floatsAt,
  heapFloats,
  makeZeros,
  type WasmBackend,
  withScratch,
} from './heap.js';

interface Attrs {
  readonly scale: number;
}

type Inputs = readonly [query: TensorInfo, key: TensorInfo, value: TensorInfo, mask?: TensorInfo];
type Three = [query: number, key: number, value: number];

/** The samples that the mask keeps. */
function keptSamples(backend: WasmBackend, samples: number, mask: TensorInfo | undefined) {
  const all = Array.from({ length: samples }, (_, i) => i);
  if (!mask) return all;
  const present = floatsAt(backend, addressOf(backend, mask), samples);
  return all.filter((i) => present[i] !== 0);
}

/** What is written whole need not be zeros before; samples that are masked stay zeros. */
function makeResult(backend: WasmBackend, shape: number[], isWritten: boolean): TensorInfo {
  return isWritten ? backend.makeOutput(shape, 'float32') : makeZeros(backend, shape);
}

/** A tensor `[B, C, width]` in the heap, or `[B, C]` where the width is 1. */
interface ClassTensor {
  readonly address: number;
  readonly width: number;
  /** Whether it is written to. */
  readonly isOutput: boolean;
}

function classTensor(backend: WasmBackend, tensor: TensorInfo, isOutput = false): ClassTensor {
  return { address: addressOf(backend, tensor), width: tensor.shape[2] ?? 1, isOutput };
}

/** Copies the rows `kept` of one class to packed rows, or back. */
function copyRows(
  backend: WasmBackend,
  kept: readonly number[],
  { address, width, isOutput }: ClassTensor,
  stride: number,
  packed: number,
): void {
  const floats = heapFloats(backend);
  kept.forEach((sample, i) => {
    const inTensor = (address >>> 2) + sample * stride;
    const inPacked = (packed >>> 2) + i * width;
    const [from, to] = isOutput ? [inPacked, inTensor] : [inTensor, inPacked];
    copyRun(floats, from, to, width);
  });
}

/**
 * Runs `body` on all classes at once, or where samples are masked on each class for itself: on
 * packed copies of the samples that are kept, so that what the others hold, be it NaN, is never read
 * and nothing is written to them.
 */
function runClasses(
  backend: WasmBackend,
  [samples, classes]: readonly [number, number],
  kept: readonly number[],
  tensors: readonly ClassTensor[],
  body: (addresses: readonly number[], samples: number, classes: number) => void,
): void {
  if (kept.length === samples) {
    const addresses = tensors.map(({ address }) => address);
    body(addresses, samples, classes);
    return;
  }
  const sizes = tensors.map(({ width }) => width * kept.length);
  withScratch(backend, sizes, (...packed) => {
    for (let c = 0; c < classes; c++) {
      const copy = (isOutput: boolean) =>
        tensors.forEach((tensor, i) => {
          const { address, width } = tensor;
          if (tensor.isOutput !== isOutput) return;
          const ofClass = { ...tensor, address: address + c * width * 4 };
          copyRows(backend, kept, ofClass, classes * width, packed[i] as number);
        });
      copy(false);
      body(packed, kept.length, 1);
      copy(true);
    }
  });
}

/** Class batch attention whose scores never exist all at once; see src/ops/class_batch_attention.ts. */
export const classBatchAttention = defineKernel<string, Attrs>(
  'ClassBatchAttention',
  () =>
    ({ inputs, backend, attrs: { scale } }) => {
      const [query, key, value, mask] = inputs as unknown as Inputs;
      const [samples, classes, features] = query.shape as [number, number, number];
      const kept = keptSamples(backend, samples, mask);
      const nothing = isEmpty(classBatchSizes(kept.length, classes, features, scale));
      const output = makeResult(backend, value.shape, kept.length === samples && !nothing);
      if (nothing) return output;
      const tensors = [
        ...[query, key, value].map((x) => classTensor(backend, x)),
        classTensor(backend, output, true),
      ];
      runClasses(backend, [samples, classes], kept, tensors, (addresses, ...counts) => {
        const [query, key, value, out] = addresses as [...Three, number];
        const sizes = classBatchSizes(...counts, features, scale);
        attend(backend, { query, key, value, bias: 0 }, out, sizes);
      });
      return output;
    },
);

/** Gradients of query, key and value, from scores that are computed anew. */
export const classBatchAttentionGrad = defineKernel<string, Attrs, TensorInfo[]>(
  'ClassBatchAttentionGrad',
  () =>
    ({ inputs, backend, attrs: { scale } }) => {
      const [dy, query, key, value, mask] = inputs as unknown as readonly [TensorInfo, ...Inputs];
      const [samples, classes, features] = query.shape as [number, number, number];
      const kept = keptSamples(backend, samples, mask);
      const nothing = isEmpty(classBatchSizes(kept.length, classes, features, scale));
      const outputs = [query, key, value].map(({ shape }) =>
        makeResult(backend, shape, kept.length === samples && !nothing),
      );
      if (nothing) return outputs;
      const tensors = [
        ...[dy, query, key, value].map((x) => classTensor(backend, x)),
        ...outputs.map((x) => classTensor(backend, x, true)),
      ];
      runClasses(backend, [samples, classes], kept, tensors, (addresses, ...counts) => {
        const [dy, query, key, value, dQuery, dKey, dValue] = addresses as [
          number,
          ...Three,
          ...Three,
        ];
        const given = { query, key, value, bias: 0 };
        const gradients = { query: dQuery, key: dKey, value: dValue, bias: 0 };
        attendGradients(backend, dy, given, gradients, classBatchSizes(...counts, features, scale));
      });
      return outputs;
    },
);
