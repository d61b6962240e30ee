import { ArgumentError } from '../ops/errors.js';
import { checkNumber } from '../ops/number_check.js';
import { RowResizer, type Taps } from './row_resizer.js';

const precisionBits = 22;

/**
 * Resizes an RGB image as torchvision's `Resize((height, width))` does on a PIL image: bilinear,
 * with a filter that widens when the image shrinks.
 *
 * It gives PIL's bytes exactly, so that a network sees the pixels that it was trained on. libvips
 * places samples differently when it enlarges (and small face crops are always enlarged), which
 * moves edges by a good part of a pixel.
 *
 * @param pixels [height, width, 3].
 * @returns [outHeight, outWidth, 3]; the image itself where it has this size.
 * @throws ArgumentError for a size below 1, and when there are not so many pixels.
 *
 * @example
 * const pixels = Uint8Array.of(0, 0, 0, 200, 200, 200); // two pixels, black and grey
 * const wider = resizeBilinear(pixels, [1, 2], [1, 4]);
 * console.log([0, 1, 2, 3].map((x) => wider[3 * x])); // [ 0, 50, 150, 200 ]
 */
export function resizeBilinear(
  pixels: Uint8Array,
  [height, width]: readonly [number, number],
  [outHeight, outWidth]: readonly [number, number],
): Uint8Array {
  for (const [name, size] of Object.entries({ height, width, outHeight, outWidth })) {
    checkNumber('resizeBilinear', name, size, { from: 1, integer: true });
  }
  if (pixels.length !== height * width * 3) {
    throw new ArgumentError(
      `resizeBilinear: ${pixels.length} bytes for ${height} × ${width} pixels of three`,
    );
  }
  if (height === outHeight && width === outWidth) return pixels;
  const [across, down] = [triangleTaps(width, outWidth), triangleTaps(height, outHeight)];
  const resizer = new RowResizer(width, outWidth, across, mostAtOnce(down));
  const rowLength = outWidth * 3;
  const out = new Uint8Array(outHeight * rowLength);
  let done = 0;
  for (let row = 0; row < height; row++) {
    resizer.take(pixels.subarray(row * width * 3, (row + 1) * width * 3));
    for (let y = done; y < outHeight && down.first[y]! <= row; y++) {
      resizer.addTo(y, down.weights[y * down.stride + row - down.first[y]!]!);
    }
    for (; done < outHeight && down.first[done]! + down.count[done]! === row + 1; done++) {
      out.set(resizer.finish(done), done * rowLength);
    }
  }
  return out;
}

/** The triangle filter, normalised at the borders. Weights are positive and sum to 1. */
function triangleTaps(size: number, outSize: number): Taps {
  const scale = size / outSize;
  const support = Math.max(scale, 1);
  const stride = Math.ceil(support) * 2 + 1;
  const taps: Taps = {
    first: new Int32Array(outSize),
    count: new Int32Array(outSize),
    weights: new Int32Array(outSize * stride),
    stride,
  };
  const weights = new Float64Array(stride);
  for (let i = 0; i < outSize; i++) {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(size, Math.trunc(center + support + 0.5)) - first;
    let total = 0;
    for (let k = 0; k < count; k++) {
      weights[k] = Math.max(0, 1 - Math.abs((first + k - center + 0.5) / support));
      total += weights[k]!;
    }
    taps.first[i] = first;
    taps.count[i] = count;
    for (let k = 0; k < count; k++) {
      const share = (weights[k]! / total) * (1 << precisionBits);
      taps.weights[i * stride + k] = Math.trunc(0.5 + share);
    }
  }
  return taps;
}

/** To how many output positions one of the input counts at most. */
function mostAtOnce({ first, count }: Taps): number {
  let most = 1;
  for (let i = 0, end = 0; i < first.length; i++) {
    const past = first[i]! + count[i]!;
    while (end < first.length && first[end]! < past) end++;
    most = Math.max(most, end - i);
  }
  return most;
}
