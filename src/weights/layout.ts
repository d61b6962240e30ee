import { gatherElements } from './gather.js';
import type { Layout } from './torch_names.js';

/** For each layout, which axis of PyTorch's tensor becomes the n-th axis of ours. */
const torchAxes: Record<Exclude<Layout, 'same' | 'pointwise'>, number[]> = {
  dense: [1, 0],
  conv: [2, 3, 1, 0],
  depthwise: [2, 3, 0, 1],
};

/** Our values in PyTorch's shape and order. Returns `data` itself where both are the same. */
export function toTorchLayout(
  data: Float32Array,
  shape: readonly number[],
  layout: Layout,
): { shape: number[]; data: Float32Array } {
  return { shape: torchShape(shape, layout), data: permute(data, shape, ourAxes(layout)) };
}

/** PyTorch's values in our order. Returns `data` itself where both are the same. */
export function fromTorchLayout(
  data: Float32Array,
  shape: readonly number[],
  layout: Layout,
): Float32Array {
  if (layout === 'same') return data;
  const axes = layout === 'pointwise' ? torchAxes.dense : torchAxes[layout];
  return permute(data, shape.slice(0, axes.length), axes);
}

/** The shape that a weight of ours has in PyTorch. */
export function torchShape(shape: readonly number[], layout: Layout): number[] {
  const axes = ourAxes(layout);
  const permuted = axes.length === 0 ? [...shape] : axes.map((axis) => shape[axis]!);
  return layout === 'pointwise' ? [...permuted, 1, 1] : permuted;
}

/** Which axis of ours becomes the n-th axis of PyTorch's; empty where all stay. */
function ourAxes(layout: Layout): number[] {
  if (layout === 'same') return [];
  const axes = layout === 'pointwise' ? torchAxes.dense : torchAxes[layout];
  return axes.map((_, axis) => axes.indexOf(axis));
}

/** Reorders row-major values so that axis `axes[n]` becomes the n-th; all stay when it is empty. */
function permute(
  data: Float32Array,
  shape: readonly number[],
  axes: readonly number[],
): Float32Array {
  if (axes.length === 0) return data;
  const strides = stridesOf(shape);
  const result = new Float32Array(data.length);
  gatherElements(
    data,
    result,
    axes.map((axis) => shape[axis]!),
    axes.map((axis) => strides[axis]!),
  );
  return result;
}

function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  }
  return strides;
}
