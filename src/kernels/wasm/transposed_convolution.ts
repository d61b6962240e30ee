/**
 * The input gradient of a convolution as stride-1 convolutions of the output gradient, one for each phase of the
 * stride: the input rows that lie at the same remainder of the stride meet only every stride-th filter tap. No zeros
 * are inserted, so no work is wasted. Full and depthwise convolutions share it.
 */
import type { backend_util, TensorInfo } from '@tensorflow/tfjs-core';
import { addressOf, heapFloats, type WasmBackend } from './heap.js';

type Conv2DInfo = backend_util.Conv2DInfo;
type Padding = [[number, number], [number, number], [number, number], [number, number]];

/** One phase along one dimension. */
interface Phase {
  /** First input position of the phase; the next ones are `stride` further each. */
  readonly first: number;
  /** How many input positions the phase has. */
  readonly count: number;
  /** First filter tap; the next ones are `stride` further each. */
  readonly tap: number;
  readonly taps: number;
  /** Zeros before and after the output gradient; negative where positions of it are not met at all. */
  readonly before: number;
  readonly after: number;
}

function phasesOf(
  inSize: number,
  outSize: number,
  filterSize: number,
  stride: number,
  padBefore: number,
  dilation: number,
): Phase[] {
  const phases: Phase[] = [];
  for (let tap = 0; tap < stride; tap++) {
    const q0 = Math.ceil((padBefore - tap) / stride);
    const first = q0 * stride + tap - padBefore;
    const count = first < inSize ? Math.ceil((inSize - first) / stride) : 0;
    if (count === 0) continue;
    const taps = tap < filterSize ? Math.ceil((filterSize - tap) / stride) : 0;
    const reach = (taps - 1) * dilation;
    phases.push({ first, count, tap, taps, before: reach - q0, after: count + q0 - outSize });
  }
  return phases;
}

/** A copy of an NHWC tensor without its first and last rows and columns. Returns it whole where nothing is cropped. */
function crop(
  backend: WasmBackend,
  x: TensorInfo,
  top: number,
  bottom: number,
  left: number,
  right: number,
): TensorInfo {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const rows = height - top - bottom;
  const columns = width - left - right;
  const out = backend.makeOutput([batch, rows, columns, channels], 'float32');
  const floats = heapFloats(backend);
  let to = addressOf(backend, out) >>> 2;
  const from = addressOf(backend, x) >>> 2;
  const length = columns * channels;
  for (let n = 0; n < batch; n++) {
    for (let r = 0; r < rows; r++, to += length) {
      const start = from + ((n * height + top + r) * width + left) * channels;
      floats.copyWithin(to, start, start + length);
    }
  }
  return out;
}

/** A stride-1 convolution of dy with the filter taps of one phase, flipped. */
export type ConvolvePhase = (
  dy: TensorInfo,
  taps: { readonly h: readonly number[]; readonly w: readonly number[] },
  pad: Padding,
) => TensorInfo;

function flippedTaps(phase: Phase, stride: number): number[] {
  return Array.from({ length: phase.taps }, (_, i) => phase.tap + stride * (phase.taps - 1 - i));
}

/**
 * The gradient with respect to the input of a convolution described by `info`.
 *
 * @param convolve computes one phase
 */
export function inputGradient(
  backend: WasmBackend,
  info: Conv2DInfo,
  dy: TensorInfo,
  convolve: ConvolvePhase,
): TensorInfo {
  const { batchSize, inHeight, inWidth, inChannels, strideHeight, strideWidth } = info;
  const vertical = phasesOf(
    inHeight,
    info.outHeight,
    info.filterHeight,
    strideHeight,
    info.padInfo.top,
    info.dilationHeight,
  );
  const horizontal = phasesOf(
    inWidth,
    info.outWidth,
    info.filterWidth,
    strideWidth,
    info.padInfo.left,
    info.dilationWidth,
  );
  const phaseOutput = (v: Phase, h: Phase): TensorInfo => {
    const negative = (value: number) => Math.max(0, -value);
    const cropped =
      v.before < 0 || v.after < 0 || h.before < 0 || h.after < 0
        ? crop(
            backend,
            dy,
            negative(v.before),
            negative(v.after),
            negative(h.before),
            negative(h.after),
          )
        : dy;
    const positive = (value: number) => Math.max(0, value);
    const out = convolve(
      cropped,
      { h: flippedTaps(v, strideHeight), w: flippedTaps(h, strideWidth) },
      [
        [0, 0],
        [positive(v.before), positive(v.after)],
        [positive(h.before), positive(h.after)],
        [0, 0],
      ],
    );
    if (cropped !== dy) backend.disposeData(cropped.dataId);
    return out;
  };
  const isEmpty = batchSize * info.outHeight * info.outWidth === 0;
  if (strideHeight === 1 && strideWidth === 1 && !isEmpty) {
    return phaseOutput(vertical[0] as Phase, horizontal[0] as Phase);
  }
  const dx = backend.makeOutput(info.inShape, 'float32');
  const size = batchSize * inHeight * inWidth * inChannels;
  const isSparse = isEmpty || [...vertical, ...horizontal].some(({ taps }) => taps === 0);
  if (isSparse) {
    const start = addressOf(backend, dx) >>> 2;
    heapFloats(backend).fill(0, start, start + size);
  }
  if (isEmpty) return dx;
  for (const v of vertical) {
    for (const h of horizontal) {
      if (v.taps === 0 || h.taps === 0) continue;
      const part = phaseOutput(v, h);
      const floats = heapFloats(backend);
      const to = addressOf(backend, dx) >>> 2;
      let from = addressOf(backend, part) >>> 2;
      for (let n = 0; n < batchSize; n++) {
        for (let r = 0; r < v.count; r++) {
          const row = (n * inHeight + v.first + r * strideHeight) * inWidth;
          for (let c = 0; c < h.count; c++, from += inChannels) {
            const at = to + (row + h.first + c * strideWidth) * inChannels;
            if (inChannels < 24) {
              for (let i = 0; i < inChannels; i++) floats[at + i] = floats[from + i] as number;
            } else {
              floats.copyWithin(at, from, from + inChannels);
            }
          }
        }
      }
      backend.disposeData(part.dataId);
    }
  }
  return dx;
}
