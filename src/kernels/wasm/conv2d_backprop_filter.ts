import {
  backend_util,
  Conv2DBackpropFilter,
  type Conv2DBackpropFilterAttrs,
} from '@tensorflow/tfjs-core';
import { accumulateGemm, panelLength } from './accumulate_gemm.js';
import {
  addressOf,
  defineKernel,
  heapFloats,
  transposeMatrices,
  type WasmBackend,
  withScratch,
} from './heap.js';

/** Rows shorter than this are copied by a loop, longer ones by `copyWithin`. */
const SHORT_ROW = 24;

type Conv2DInfo = backend_util.Conv2DInfo;

/** Positions of one output dimension that a filter tap at `offset` meets inside the input: [first, end). */
export function validRange(
  offset: number,
  stride: number,
  inSize: number,
  outSize: number,
): [number, number] {
  const first = Math.max(0, Math.ceil(-offset / stride));
  const end = Math.min(outSize, Math.floor((inSize - 1 - offset) / stride) + 1);
  return [first, Math.max(first, end)];
}

/**
 * Writes, for every filter tap and input channel, the inputs that the tap meets at the output rows
 * [firstRow, firstRow + rows) of one image: columns of the im2col matrix, transposed.
 *
 * @param xt index of the image, channels first: [C, H, W]
 * @param out index of the first element to write in row (tap 0, channel 0); consecutive rows are `pitch` apart
 */
function gatherTaps(
  floats: Float32Array,
  info: Conv2DInfo,
  xt: number,
  firstRow: number,
  rows: number,
  out: number,
  pitch: number,
): void {
  const { inHeight, inWidth, inChannels, outWidth, strideHeight, strideWidth } = info;
  const plane = inHeight * inWidth;
  let outRow = out;
  for (let kh = 0; kh < info.filterHeight; kh++) {
    const offsetH = kh * info.dilationHeight - info.padInfo.top;
    for (let kw = 0; kw < info.filterWidth; kw++) {
      const offsetW = kw * info.dilationWidth - info.padInfo.left;
      const [first, end] = validRange(offsetW, strideWidth, inWidth, outWidth);
      const firstColumn = first * strideWidth + offsetW;
      for (let c = 0; c < inChannels; c++, outRow += pitch) {
        for (let r = 0; r < rows; r++) {
          const to = outRow + r * outWidth;
          const row = (firstRow + r) * strideHeight + offsetH;
          if (row < 0 || row >= inHeight || first >= end) {
            floats.fill(0, to, to + outWidth);
            continue;
          }
          let from = xt + c * plane + row * inWidth + firstColumn;
          for (let j = 0; j < first; j++) floats[to + j] = 0;
          if (strideWidth === 1 && end - first >= SHORT_ROW) {
            floats.copyWithin(to + first, from, from + end - first);
          } else {
            for (let j = first; j < end; j++, from += strideWidth) {
              floats[to + j] = floats[from] as number;
            }
          }
          for (let j = end; j < outWidth; j++) floats[to + j] = 0;
        }
      }
    }
  }
}

/** The filter gradient into `out`: x and dy are NHWC, all three are addresses. */
function filterGradient(
  backend: WasmBackend,
  info: Conv2DInfo,
  x: number,
  dy: number,
  out: number,
): void {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels } = info;
  const inPlane = inHeight * inWidth;
  const outPlane = outHeight * outWidth;
  const taps = info.filterHeight * info.filterWidth;
  const rows = taps * inChannels;
  const panel = panelLength(outChannels);
  const isPointwise =
    taps === 1 &&
    info.strideHeight === 1 &&
    info.strideWidth === 1 &&
    inHeight === outHeight &&
    inWidth === outWidth &&
    info.padInfo.top === 0 &&
    info.padInfo.left === 0;
  if (isPointwise) {
    const fill = (a: number, start: number, length: number) =>
      transposeMatrices(backend, x + start * inChannels * 4, a, 1, length, inChannels);
    accumulateGemm(backend, fill, dy, out, inChannels, batchSize * outPlane, outChannels, panel);
    return;
  }
  // A panel is some whole images, or some whole rows of one.
  const images = Math.max(1, Math.min(batchSize, Math.floor(panel / outPlane)));
  const rowsInPanel =
    images > 1 ? outHeight : Math.max(1, Math.min(outHeight, Math.floor(panel / outWidth)));
  const positions = images > 1 ? images * outPlane : rowsInPanel * outWidth;
  withScratch(backend, [images * inPlane * inChannels], (xt) => {
    let transposedFrom = -1;
    const transposeImages = (firstImage: number) => {
      if (transposedFrom === firstImage) return;
      transposedFrom = firstImage;
      const count = Math.min(images, batchSize - firstImage);
      const from = x + firstImage * inPlane * inChannels * 4;
      transposeMatrices(backend, from, xt, count, inPlane, inChannels);
    };
    const gather = (
      a: number,
      slot: number,
      row: number,
      count: number,
      at: number,
      pitch: number,
    ) =>
      gatherTaps(
        heapFloats(backend),
        info,
        (xt >>> 2) + slot * inPlane * inChannels,
        row,
        count,
        (a >>> 2) + at,
        pitch,
      );
    if (images > 1) {
      const fill = (a: number, start: number, length: number) => {
        transposeImages(start / outPlane);
        for (let i = 0; i * outPlane < length; i++)
          gather(a, i, 0, outHeight, i * outPlane, length);
      };
      accumulateGemm(backend, fill, dy, out, rows, batchSize * outPlane, outChannels, positions);
    } else {
      const total = batchSize * outHeight;
      // A panel may end in one image and begin in the next: gather the rows image by image.
      const fill = (a: number, start: number, length: number) => {
        let row = start / outWidth;
        for (let done = 0; done < length; ) {
          const image = Math.floor(row / outHeight);
          const inImage = row - image * outHeight;
          const count = Math.min(outHeight - inImage, (length - done) / outWidth);
          transposeImages(image);
          gather(a, 0, inImage, count, done, length);
          done += count * outWidth;
          row += count;
        }
      };
      accumulateGemm(backend, fill, dy, out, rows, total * outWidth, outChannels, positions);
    }
  });
}

/**
 * `Conv2DBackpropFilter`, which tfjs-backend-wasm lacks: dFilter = im2col(x)ᵀ·dy, a panel of output positions at a
 * time. Each image is transposed to channels first once; then a row of the im2col matrix is a row of the image, and
 * the product is XNNPACK's. float32, channels last, any stride, dilation and padding.
 */
export const conv2dBackpropFilter = defineKernel<'x' | 'dy', Conv2DBackpropFilterAttrs>(
  Conv2DBackpropFilter,
  () => (args) => {
    const { inputs, backend, attrs } = args;
    const { x, dy } = inputs;
    const { strides, pad, dataFormat, dimRoundingMode, filterShape } = attrs;
    if (dataFormat !== undefined && dataFormat !== 'NHWC') {
      throw new Error(
        `conv2d on wasm computes in data format NHWC only, but dataFormat is ${dataFormat}`,
      );
    }
    const info = backend_util.computeConv2DInfo(
      x.shape as [number, number, number, number],
      filterShape as [number, number, number, number],
      strides,
      1,
      pad,
      dimRoundingMode,
    );
    const out = backend.makeOutput([...filterShape], 'float32');
    const address = addressOf(backend, out);
    if (info.batchSize * info.outHeight * info.outWidth * info.outChannels === 0) {
      const size = filterShape.reduce((product, length) => product * length, 1);
      heapFloats(backend).fill(0, address >>> 2, (address >>> 2) + size);
      return out;
    }
    filterGradient(backend, info, addressOf(backend, x), addressOf(backend, dy), address);
    return out;
  },
);
