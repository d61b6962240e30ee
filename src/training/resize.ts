const precisionBits = 22;

/** For each output position: which input positions count, and how much, in 22-bit fixed point. */
interface Taps {
  first: Int32Array;
  count: Int32Array;
  weights: Int32Array;
  /** Weights of output position i start at `i * stride`. */
  stride: number;
}

/**
 * Resizes an RGB image as torchvision's `Resize((height, width))` does on a PIL image: bilinear,
 * with a filter that widens when the image shrinks.
 *
 * It gives PIL's bytes exactly, so that a network sees the pixels that it was trained on. libvips
 * places samples differently when it enlarges (and small face crops are always enlarged), which
 * moves edges by a good part of a pixel.
 *
 * @param pixels [height, width, 3].
 * @returns [outHeight, outWidth, 3].
 */
export function resizeBilinear(
  pixels: Uint8Array,
  [height, width]: readonly [number, number],
  [outHeight, outWidth]: readonly [number, number],
): Uint8Array {
  const wide = width === outWidth ? pixels : resizeRows(pixels, height, width, outWidth);
  return height === outHeight ? wide : resizeColumns(wide, height, outWidth, outHeight);
}

function resizeRows(pixels: Uint8Array, height: number, width: number, outWidth: number) {
  const { first, count, weights, stride } = triangleTaps(width, outWidth);
  const out = new Uint8Array(height * outWidth * 3);
  let o = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < outWidth; x++) {
      let r = half;
      let g = half;
      let b = half;
      let p = (y * width + first[x]!) * 3;
      for (let k = x * stride, end = k + count[x]!; k < end; k++, p += 3) {
        const weight = weights[k]!;
        r += pixels[p]! * weight;
        g += pixels[p + 1]! * weight;
        b += pixels[p + 2]! * weight;
      }
      out[o++] = r >> precisionBits;
      out[o++] = g >> precisionBits;
      out[o++] = b >> precisionBits;
    }
  }
  return out;
}

function resizeColumns(pixels: Uint8Array, height: number, width: number, outHeight: number) {
  const { first, count, weights, stride } = triangleTaps(height, outHeight);
  const rowLength = width * 3;
  const out = new Uint8Array(outHeight * rowLength);
  const sums = new Int32Array(rowLength);
  for (let y = 0; y < outHeight; y++) {
    sums.fill(half);
    for (let k = 0; k < count[y]!; k++) {
      const weight = weights[y * stride + k]!;
      const row = (first[y]! + k) * rowLength;
      for (let i = 0; i < rowLength; i++) sums[i]! += pixels[row + i]! * weight;
    }
    for (let i = 0; i < rowLength; i++) out[y * rowLength + i] = sums[i]! >> precisionBits;
  }
  return out;
}

/** Rounds to nearest when the fraction bits are dropped. */
const half = 1 << (precisionBits - 1);

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
  for (let i = 0; i < outSize; i++) {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(size, Math.trunc(center + support + 0.5)) - first;
    const weights = Array.from({ length: count }, (_, k) =>
      Math.max(0, 1 - Math.abs((first + k - center + 0.5) / support)),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    taps.first[i] = first;
    taps.count[i] = count;
    weights.forEach((weight, k) => {
      taps.weights[i * stride + k] = Math.trunc(0.5 + (weight / total) * (1 << precisionBits));
    });
  }
  return taps;
}
