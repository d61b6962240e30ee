import { ArgumentError } from '../ops/errors.js';
import { checkNumber } from '../ops/number_check.js';
import { type Direction, resizeStrips, type Taps } from './resize_strips.js';

const precisionBits = 22;

/**
 * Resizes an RGB image as torchvision's `Resize((height, width))` does on a PIL image: bilinear,
 * with a filter that widens when the image shrinks.
 *
 * It gives PIL's bytes exactly, so that a network sees the pixels that it was trained on. libvips
 * places samples differently when it enlarges (and small face crops are always enlarged), which
 * moves edges by a good part of a pixel. PIL means Pillow up to 12.1: later versions resize many
 * images whose height shrinks from top to bottom first (220 × 225 pixels to 224 × 224, say), by which a
 * quarter of their bytes differ, by 1.
 *
 * @param pixels [height, width, 3].
 * @param into Where to put the result, whose length it must have. Default: new memory.
 * @returns [outHeight, outWidth, 3]; without `into`, the image itself where it has this size.
 * @throws ArgumentError for a size below 1, when there are not so many pixels, for another length of `into`,
 *   and for more than fits WebAssembly's 4 GB.
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
  into?: Uint8Array,
): Uint8Array {
  for (const [name, size] of Object.entries({ height, width, outHeight, outWidth })) {
    checkNumber('resizeBilinear', name, size, { from: 1, integer: true });
  }
  if (pixels.length !== height * width * 3) {
    throw new ArgumentError(
      `resizeBilinear: ${pixels.length} bytes for ${height} × ${width} pixels of three`,
    );
  }
  const outLength = outHeight * outWidth * 3;
  if (into && into.length !== outLength) {
    throw new ArgumentError(
      `resizeBilinear: into has ${into.length} bytes: expected ${outLength}, ${outHeight} × ${outWidth} pixels of three`,
    );
  }
  if (height === outHeight && width === outWidth) return copied(pixels, into);
  const [down, across] = [direction(height, outHeight), direction(width, outWidth)];
  return resizeStrips(pixels, down, across, into);
}

/** The pixels themselves without another place for them. */
function copied(pixels: Uint8Array, into: Uint8Array | undefined): Uint8Array {
  into?.set(pixels);
  return into ?? pixels;
}

function direction(size: number, outSize: number): Direction {
  return { size, outSize, taps: triangleTaps(size, outSize) };
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
