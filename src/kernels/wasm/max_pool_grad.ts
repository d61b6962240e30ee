import { backend_util, MaxPoolGrad, type MaxPoolGradAttrs } from '@tensorflow/tfjs-core';
import { addressOf, defineKernel, heapFloats } from './heap.js';

type Shape4D = [number, number, number, number];

/**
 * `MaxPoolGrad`: each output gradient goes to the first greatest input of its window. The stock kernel looks for a
 * value above zero and so sends the gradient of a window without one to the wrong place.
 */
export const maxPoolGrad = defineKernel<'dy' | 'input', MaxPoolGradAttrs>(
  MaxPoolGrad,
  (stock) => (args) => {
    const { inputs, backend, attrs } = args;
    const { dy, input } = inputs;
    if (input.dtype !== 'float32' && stock) {
      return stock(args);
    }
    const { filterSize, strides, pad, dimRoundingMode } = attrs;
    const info = backend_util.computePool2DInfo(
      input.shape as Shape4D,
      filterSize,
      strides,
      1,
      pad,
      dimRoundingMode,
    );
    const { inHeight, inWidth, inChannels: channels, outHeight, outWidth } = info;
    const dx = backend.makeOutput(input.shape, 'float32');
    const to = addressOf(backend, dx) >>> 2;
    const x = addressOf(backend, input) >>> 2;
    const floats = heapFloats(backend);
    floats.fill(0, to, to + info.batchSize * inHeight * inWidth * channels);
    const greatest = new Float32Array(channels);
    const position = new Int32Array(channels);
    let from = addressOf(backend, dy) >>> 2;
    for (let n = 0; n < info.batchSize; n++) {
      const image = n * inHeight * inWidth * channels;
      for (let row = 0; row < outHeight; row++) {
        const top = row * info.strideHeight - info.padInfo.top;
        const firstRow = Math.max(0, top);
        const endRow = Math.min(inHeight, top + info.effectiveFilterHeight);
        for (let column = 0; column < outWidth; column++, from += channels) {
          const left = column * info.strideWidth - info.padInfo.left;
          const firstColumn = Math.max(0, left);
          const endColumn = Math.min(inWidth, left + info.effectiveFilterWidth);
          greatest.fill(Number.NEGATIVE_INFINITY);
          position.fill(-1);
          for (let r = firstRow; r < endRow; r++) {
            for (let c = firstColumn; c < endColumn; c++) {
              const at = image + (r * inWidth + c) * channels;
              for (let i = 0; i < channels; i++) {
                const value = floats[x + at + i] as number;
                if (value > (greatest[i] as number)) {
                  greatest[i] = value;
                  position[i] = at + i;
                }
              }
            }
          }
          for (let i = 0; i < channels; i++) {
            const at = position[i] as number;
            if (at >= 0)
              floats[to + at] = (floats[to + at] as number) + (floats[from + i] as number);
          }
        }
      }
    }
    return dx;
  },
);
