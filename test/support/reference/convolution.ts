/** Convolutions with the same number of zeros on each side, and picking every s-th pixel. */
import { type NdArray, ndArray } from './nd_array.js';

interface Window {
  strides: number;
  padding: number;
}

/** `[B, H, W, I]`, kernel `[k, k, I, O]` → `[B, H', W', O]` */
export function conv2d(
  x: NdArray,
  kernel: NdArray,
  bias: NdArray | undefined,
  window: Window,
): NdArray {
  const [size, , inputs, outputs] = kernel.shape as [number, number, number, number];
  return slide(
    x,
    size,
    outputs,
    window,
    (pixel, tap, o) => {
      let sum = 0;
      for (let i = 0; i < inputs; i++) {
        sum += x.data[pixel * inputs + i]! * kernel.data[(tap * inputs + i) * outputs + o]!;
      }
      return sum;
    },
    bias,
  );
}

/** `[B, H, W, C]`, kernel `[k, k, C, 1]` → `[B, H', W', C]` */
export function depthwiseConv2d(x: NdArray, kernel: NdArray, window: Window): NdArray {
  const [size, , channels] = kernel.shape as [number, number, number];
  return slide(
    x,
    size,
    channels,
    window,
    (pixel, tap, c) => x.data[pixel * channels + c]! * kernel.data[tap * channels + c]!,
  );
}

/** Rows and columns 0, s, 2s, … */
export function subsample(x: NdArray, stride: number): NdArray {
  const channels = x.shape[3]!;
  const window = { strides: stride, padding: 0 };
  return slide(x, 1, channels, window, (pixel, _, c) => x.data[pixel * channels + c]!);
}

/** Sums `product(pixel, tap, channel)` over the taps of a size × size window that lie in the image. */
function slide(
  x: NdArray,
  size: number,
  channels: number,
  { strides, padding }: Window,
  product: (pixel: number, tap: number, channel: number) => number,
  bias?: NdArray,
): NdArray {
  const [batch, height, width] = x.shape as [number, number, number];
  const along = (length: number) => Math.floor((length + 2 * padding - size) / strides) + 1;
  const [rows, columns] = [along(height), along(width)];
  return ndArray([batch, rows, columns, channels], (at) => {
    const c = at % channels;
    const column = Math.floor(at / channels) % columns;
    const row = Math.floor(at / (channels * columns)) % rows;
    const b = Math.floor(at / (channels * columns * rows));
    let sum = bias ? bias.data[c]! : 0;
    for (let tap = 0; tap < size * size; tap++) {
      const y = row * strides - padding + Math.floor(tap / size);
      const z = column * strides - padding + (tap % size);
      if (y < 0 || y >= height || z < 0 || z >= width) continue;
      sum += product((b * height + y) * width + z, tap, c);
    }
    return sum;
  });
}
