import {
  backend_util,
  DepthwiseConv2dNativeBackpropFilter,
  type DepthwiseConv2dNativeBackpropFilterAttrs,
} from '@tensorflow/tfjs-core';
import {
  addressOf,
  defineKernel,
  heapFloats,
  multiply,
  poolRows,
  type WasmBackend,
  withScratch,
} from './heap.js';

type Shape4D = [number, number, number, number];
type Conv2DInfo = backend_util.Conv2DInfo;

/**
 * The gradient of one channel-multiplier slice (`multiplier` in all, this one is `q`), one image at a time.
 *
 * The padded image is laid out by phases of the stride, each a grid [rows, columns, channels], and dy on a grid of the
 * same width with zeros beside it. Then the inputs that a tap meets are *one contiguous stretch* of its phase: the tap's
 * gradient is an elementwise product of two stretches, summed over pixels, with nothing copied.
 */
function filterGradient(
  backend: WasmBackend,
  info: Conv2DInfo,
  multiplier: number,
  x: number,
  dy: number,
  out: number,
): void {
  const { batchSize, inHeight, inWidth, outHeight, outWidth, strideHeight, strideWidth } = info;
  const channels = info.inChannels;
  const { top, left } = info.padInfo;
  const reachH = Math.floor(((info.filterHeight - 1) * info.dilationHeight) / strideHeight);
  const reachW = Math.floor(((info.filterWidth - 1) * info.dilationWidth) / strideWidth);
  const gridHeight = outHeight + reachH;
  const gridWidth = outWidth + reachW;
  const phaseSize = gridHeight * gridWidth * channels;
  const phases = strideHeight * strideWidth;
  // The last row of dy needs no columns after it.
  const length = (outHeight - 1) * gridWidth + outWidth;
  const taps = info.filterHeight * info.filterWidth;
  const sums = new Float64Array(taps * channels * multiplier);
  withScratch(
    backend,
    [phases * phaseSize, length * channels, length * channels, channels],
    (grid, dyGrid, product, mean) => {
      let floats = heapFloats(backend);
      const gridStart = grid >>> 2;
      const dyStart = dyGrid >>> 2;
      floats.fill(0, gridStart, gridStart + phases * phaseSize);
      floats.fill(0, dyStart, dyStart + length * channels);
      for (let n = 0; n < batchSize; n++) {
        for (let row = 0; row < inHeight; row++) {
          const r = row + top;
          const gridRow = Math.floor(r / strideHeight);
          if (gridRow >= gridHeight) break;
          const from = (x >>> 2) + (n * inHeight + row) * inWidth * channels;
          const phaseRow = (r % strideHeight) * strideWidth;
          if (strideWidth === 1) {
            const to = gridStart + phaseRow * phaseSize + (gridRow * gridWidth + left) * channels;
            const width = Math.min(inWidth, gridWidth - left);
            if (width > 0) floats.copyWithin(to, from, from + width * channels);
            continue;
          }
          for (let column = 0; column < inWidth; column++) {
            const c = column + left;
            const gridColumn = Math.floor(c / strideWidth);
            if (gridColumn >= gridWidth) break;
            const phase = gridStart + (phaseRow + (c % strideWidth)) * phaseSize;
            const to = phase + (gridRow * gridWidth + gridColumn) * channels;
            const start = from + column * channels;
            floats.copyWithin(to, start, start + channels);
          }
        }
        for (let q = 0; q < multiplier; q++) {
          floats = heapFloats(backend);
          const image = (dy >>> 2) + n * outHeight * outWidth * channels * multiplier;
          for (let row = 0; row < outHeight; row++) {
            const to = dyStart + row * gridWidth * channels;
            const from = image + row * outWidth * channels * multiplier + q;
            if (multiplier === 1) {
              floats.copyWithin(to, from, from + outWidth * channels);
            } else {
              for (let i = 0; i < outWidth * channels; i++) {
                floats[to + i] = floats[from + i * multiplier] as number;
              }
            }
          }
          for (let kh = 0; kh < info.filterHeight; kh++) {
            const h = kh * info.dilationHeight;
            for (let kw = 0; kw < info.filterWidth; kw++) {
              const w = kw * info.dilationWidth;
              const phase = (h % strideHeight) * strideWidth + (w % strideWidth);
              const pixel = Math.floor(h / strideHeight) * gridWidth + Math.floor(w / strideWidth);
              const stretch = grid + (phase * phaseSize + pixel * channels) * 4;
              multiply(backend, stretch, dyGrid, product, length * channels);
              poolRows(backend, product, mean, 1, length, channels);
              floats = heapFloats(backend);
              const tap = (kh * info.filterWidth + kw) * channels;
              for (let c = 0; c < channels; c++) {
                const at = (tap + c) * multiplier + q;
                sums[at] = (sums[at] as number) + (floats[(mean >>> 2) + c] as number) * length;
              }
            }
          }
        }
      }
    },
  );
  heapFloats(backend).set(sums, out >>> 2);
}

/**
 * `DepthwiseConv2dNativeBackpropFilter`, which tfjs-backend-wasm lacks: for each filter tap one elementwise product and
 * one pooling over the image. float32, any stride, dilation, padding and channel multiplier.
 */
export const depthwiseConv2dBackpropFilter = defineKernel<
  'x' | 'dy',
  DepthwiseConv2dNativeBackpropFilterAttrs
>(DepthwiseConv2dNativeBackpropFilter, () => (args) => {
  const { inputs, backend, attrs } = args;
  const { x, dy } = inputs;
  const { strides, pad, dilations, dimRoundingMode, filterShape } = attrs;
  const info = backend_util.computeConv2DInfo(
    x.shape as Shape4D,
    filterShape as Shape4D,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    true,
  );
  const out = backend.makeOutput([...filterShape], 'float32');
  const address = addressOf(backend, out);
  if (info.batchSize * info.outHeight * info.outWidth * info.outChannels === 0) {
    const size = filterShape.reduce((product, length) => product * length, 1);
    heapFloats(backend).fill(0, address >>> 2, (address >>> 2) + size);
    return out;
  }
  const multiplier = filterShape[3];
  filterGradient(backend, info, multiplier, addressOf(backend, x), addressOf(backend, dy), address);
  return out;
});
