import { multiplyAdd, VECTOR } from './simd';
import { Windows } from './windows';

/**
 * Gradients of a depthwise convolution, NHWC, directly: all loops end in one over channels. A block
 * of them is a cache line, summed in four registers. Of the windows, which the convolution sees of
 * its input, those of one image count.
 */

/** Bytes of a block of channels. */
const LINE: usize = 64;

/** `sums` += Σ x·dy over `count` pixels, channel by channel. */
function addTap(
  x: usize,
  dy: usize,
  sums: usize,
  count: usize,
  xStep: usize,
  dyStep: usize,
): void {
  const end = dy + count * dyStep;
  const vectors = dyStep & ~(VECTOR - 1);
  let c: usize = 0;
  for (; c + LINE <= dyStep; c += LINE) {
    let sum0 = v128.load(sums + c);
    let sum1 = v128.load(sums + c, 16);
    let sum2 = v128.load(sums + c, 32);
    let sum3 = v128.load(sums + c, 48);
    for (let a = x + c, b = dy + c; b < end; a += xStep, b += dyStep) {
      sum0 = multiplyAdd(v128.load(a), v128.load(b), sum0);
      sum1 = multiplyAdd(v128.load(a, 16), v128.load(b, 16), sum1);
      sum2 = multiplyAdd(v128.load(a, 32), v128.load(b, 32), sum2);
      sum3 = multiplyAdd(v128.load(a, 48), v128.load(b, 48), sum3);
    }
    v128.store(sums + c, sum0);
    v128.store(sums + c, sum1, 16);
    v128.store(sums + c, sum2, 32);
    v128.store(sums + c, sum3, 48);
  }
  for (; c < vectors; c += VECTOR) {
    let sum = v128.load(sums + c);
    for (let a = x + c, b = dy + c; b < end; a += xStep, b += dyStep) {
      sum = multiplyAdd(v128.load(a), v128.load(b), sum);
    }
    v128.store(sums + c, sum);
  }
  for (; c < dyStep; c += 4) {
    let sum = load<f32>(sums + c);
    for (let a = x + c, b = dy + c; b < end; a += xStep, b += dyStep) {
      sum += load<f32>(a) * load<f32>(b);
    }
    store<f32>(sums + c, sum);
  }
}

/** One row of taps of {@link addNineTaps}: six pixels of x meet four of dy at three taps. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function addThreeTaps(
  x: usize,
  sums: usize,
  pixel: usize,
  d0: v128,
  d1: v128,
  d2: v128,
  d3: v128,
): void {
  const third = x + (pixel << 1);
  const fifth = third + (pixel << 1);
  const x1 = v128.load(x + pixel);
  const x2 = v128.load(third);
  const x3 = v128.load(third + pixel);
  let left = multiplyAdd(v128.load(x), d0, v128.load(sums));
  let middle = multiplyAdd(x1, d0, v128.load(sums + pixel));
  let right = multiplyAdd(x2, d0, v128.load(sums + (pixel << 1)));
  left = multiplyAdd(x1, d1, left);
  middle = multiplyAdd(x2, d1, middle);
  right = multiplyAdd(x3, d1, right);
  const x4 = v128.load(fifth);
  left = multiplyAdd(x2, d2, left);
  middle = multiplyAdd(x3, d2, middle);
  right = multiplyAdd(x4, d2, right);
  left = multiplyAdd(x3, d3, left);
  middle = multiplyAdd(x4, d3, middle);
  right = multiplyAdd(v128.load(fifth + pixel), d3, right);
  v128.store(sums, left);
  v128.store(sums + pixel, middle);
  v128.store(sums + (pixel << 1), right);
}

/**
 * `sums` of the nine taps of a 3×3 filter at stride 1 += Σ x·dy over four pixels of dy, each of which
 * meets every tap: few loads a product. `x` is where the first pixel meets the first tap.
 */
function addNineTaps(x: usize, dy: usize, sums: usize, pixel: usize, row: usize): void {
  const nextSums = pixel * 3;
  const dyThird = dy + (pixel << 1);
  for (let c: usize = 0; c < pixel; c += VECTOR) {
    const d0 = v128.load(dy + c);
    const d1 = v128.load(dy + pixel + c);
    const d2 = v128.load(dyThird + c);
    const d3 = v128.load(dyThird + pixel + c);
    const from = x + c;
    const to = sums + c;
    addThreeTaps(from, to, pixel, d0, d1, d2, d3);
    addThreeTaps(from + row, to + nextSums, pixel, d0, d1, d2, d3);
    addThreeTaps(from + (row << 1), to + (nextSums << 1), pixel, d0, d1, d2, d3);
  }
}

/** Whether the filter is 3×3 without gaps, at stride 1, and the channels are whole vectors. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function isPlainNine(windows: Windows): bool {
  const isNine = windows.tapRows === 3 && windows.tapColumns === 3 && windows.channels % 4 === 0;
  const strides = windows.strideHeight * windows.strideWidth;
  return isNine && strides * windows.dilationHeight * windows.dilationWidth === 1;
}

/** The first output whose tap at `offset` from it lies inside the input. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function firstOutput(offset: i32, stride: i32): i32 {
  return offset < 0 ? (stride - 1 - offset) / stride : 0;
}

/** One more than the last output whose tap at `offset` from it lies inside the input. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function endOutput(offset: i32, stride: i32, inputs: i32, outputs: i32): i32 {
  const last = inputs - 1 - offset;
  return last < 0 ? 0 : min(outputs, last / stride + 1);
}

/** {@link addTap} for the outputs from `begin` to `stop` of a row. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function addRowTap(
  xRow: usize,
  dyRow: usize,
  sums: usize,
  begin: i32,
  stop: i32,
  offset: i32,
  stride: i32,
  pixel: usize,
): void {
  if (begin >= stop) return;
  const from = xRow + <usize>(begin * stride + offset) * pixel;
  const dy = dyRow + <usize>begin * pixel;
  addTap(from, dy, sums, <usize>(stop - begin), <usize>stride * pixel, pixel);
}

/** `sums` [filterHeight, filterWidth, channels] += the gradient of the filter on one image. */
export function depthwiseFilterGradient(
  windows: Windows,
  x: usize,
  dy: usize,
  sums: usize,
): void {
  const pixel = <usize>windows.channels << 2;
  const inHeight = windows.height;
  const inWidth = windows.width;
  const outHeight = windows.gridHeight;
  const outWidth = windows.gridWidth;
  const filterHeight = windows.tapRows;
  const filterWidth = windows.tapColumns;
  const strideHeight = windows.strideHeight;
  const strideWidth = windows.strideWidth;
  const dilationHeight = windows.dilationHeight;
  const dilationWidth = windows.dilationWidth;
  const top = windows.padTop;
  const left = windows.padLeft;
  const isNine = isPlainNine(windows);
  const first = firstOutput(-left, strideWidth);
  const last = endOutput(2 * dilationWidth - left, strideWidth, inWidth, outWidth);
  const end = first + (max(0, last - first) & ~3);
  for (let row = 0; row < outHeight; row++) {
    const inRow = row * strideHeight - top;
    if (isNine && inRow >= 0 && inRow + 2 < inHeight && first < end) {
      const rowStart = x + <usize>(inRow * inWidth) * pixel;
      const dyRow = dy + <usize>(row * outWidth) * pixel;
      const xRow = <usize>inWidth * pixel;
      for (let from = first; from < end; from += 4) {
        const start = rowStart + <usize>(from - left) * pixel;
        addNineTaps(start, dyRow + <usize>from * pixel, sums, pixel, xRow);
      }
      // Then the pixels beside, which do not meet every tap or are no four.
      for (let kh = 0; kh < 3; kh++) {
        const tapRow = rowStart + <usize>(kh * dilationHeight * inWidth) * pixel;
        const tapSums = sums + <usize>(kh * 3) * pixel;
        for (let kw = 0; kw < 3; kw++) {
          const offset = kw * dilationWidth - left;
          const tap = tapSums + <usize>kw * pixel;
          const begin = firstOutput(offset, strideWidth);
          const stop = endOutput(offset, strideWidth, inWidth, outWidth);
          addRowTap(tapRow, dyRow, tap, begin, min(first, stop), offset, strideWidth, pixel);
          addRowTap(tapRow, dyRow, tap, max(end, begin), stop, offset, strideWidth, pixel);
        }
      }
      continue;
    }
    for (let kh = 0; kh < filterHeight; kh++) {
      const tapRow = inRow + kh * dilationHeight;
      if (tapRow < 0 || tapRow >= inHeight) continue;
      const xRow = x + <usize>(tapRow * inWidth) * pixel;
      const dyRow = dy + <usize>(row * outWidth) * pixel;
      for (let kw = 0; kw < filterWidth; kw++) {
        const offset = kw * dilationWidth - left;
        const tap = sums + <usize>(kh * filterWidth + kw) * pixel;
        const begin = firstOutput(offset, strideWidth);
        const stop = endOutput(offset, strideWidth, inWidth, outWidth);
        addRowTap(xRow, dyRow, tap, begin, stop, offset, strideWidth, pixel);
      }
    }
  }
}

/** `dx` of a pixel: Σ dy·filter over the taps that are listed, pairs of addresses from `taps` to `end`. */
function gatherTaps(dx: usize, taps: usize, end: usize, pixel: usize): void {
  const vectors = pixel & ~(VECTOR - 1);
  let c: usize = 0;
  for (; c + LINE <= pixel; c += LINE) {
    let sum0 = f32x4.splat(0);
    let sum1 = sum0;
    let sum2 = sum0;
    let sum3 = sum0;
    for (let tap = taps; tap < end; tap += 8) {
      const a = <usize>load<u32>(tap) + c;
      const b = <usize>load<u32>(tap, 4) + c;
      sum0 = multiplyAdd(v128.load(a), v128.load(b), sum0);
      sum1 = multiplyAdd(v128.load(a, 16), v128.load(b, 16), sum1);
      sum2 = multiplyAdd(v128.load(a, 32), v128.load(b, 32), sum2);
      sum3 = multiplyAdd(v128.load(a, 48), v128.load(b, 48), sum3);
    }
    v128.store(dx + c, sum0);
    v128.store(dx + c, sum1, 16);
    v128.store(dx + c, sum2, 32);
    v128.store(dx + c, sum3, 48);
  }
  for (; c < vectors; c += VECTOR) {
    let sum = f32x4.splat(0);
    for (let tap = taps; tap < end; tap += 8) {
      sum = multiplyAdd(v128.load(load<u32>(tap) + c), v128.load(load<u32>(tap, 4) + c), sum);
    }
    v128.store(dx + c, sum);
  }
  for (; c < pixel; c += 4) {
    let sum: f32 = 0;
    for (let tap = taps; tap < end; tap += 8) {
      sum += load<f32>(load<u32>(tap) + c) * load<f32>(load<u32>(tap, 4) + c);
    }
    store<f32>(dx + c, sum);
  }
}

/**
 * `dx` of four pixels of which each meets all nine taps of a 3×3 filter at stride 1. `dy` is where the
 * first pixel meets the last tap.
 */
function gatherNineTaps(dy: usize, filter: usize, dx: usize, pixel: usize, row: usize): void {
  const nextTaps = pixel * 3;
  for (let c: usize = 0; c < pixel; c += VECTOR) {
    let sum0 = f32x4.splat(0);
    let sum1 = sum0;
    let sum2 = sum0;
    let sum3 = sum0;
    let from = dy + c;
    let taps = filter + c + (nextTaps << 1);
    for (let i = 0; i < 3; i++) {
      const third = from + (pixel << 1);
      const fifth = third + (pixel << 1);
      const w0 = v128.load(taps);
      const w1 = v128.load(taps + pixel);
      const w2 = v128.load(taps + (pixel << 1));
      const d1 = v128.load(from + pixel);
      const d2 = v128.load(third);
      sum0 = multiplyAdd(v128.load(from), w2, sum0);
      sum1 = multiplyAdd(d1, w2, sum1);
      sum0 = multiplyAdd(d1, w1, sum0);
      const d3 = v128.load(third + pixel);
      sum1 = multiplyAdd(d2, w1, sum1);
      sum2 = multiplyAdd(d2, w2, sum2);
      sum0 = multiplyAdd(d2, w0, sum0);
      sum3 = multiplyAdd(d3, w2, sum3);
      const d4 = v128.load(fifth);
      sum1 = multiplyAdd(d3, w0, sum1);
      sum2 = multiplyAdd(d3, w1, sum2);
      sum3 = multiplyAdd(d4, w1, sum3);
      sum2 = multiplyAdd(d4, w0, sum2);
      sum3 = multiplyAdd(v128.load(fifth + pixel), w0, sum3);
      from += row;
      taps -= nextTaps;
    }
    const third = dx + (pixel << 1);
    v128.store(dx + c, sum0);
    v128.store(dx + pixel + c, sum1);
    v128.store(third + c, sum2);
    v128.store(third + pixel + c, sum3);
  }
}

/** The output that meets input `position` at a tap, or −1. */
// @ts-expect-error: TypeScript decorates no functions, AssemblyScript does
@inline
function outputAt(position: i32, stride: i32, outputs: i32): i32 {
  if (position < 0 || position % stride !== 0) return -1;
  const output = position / stride;
  return output < outputs ? output : -1;
}

/**
 * `dx` of one image.
 *
 * @param taps Scratch: two addresses for each tap of the filter.
 */
export function depthwiseInputGradient(
  windows: Windows,
  dy: usize,
  filter: usize,
  dx: usize,
  taps: usize,
): void {
  const pixel = <usize>windows.channels << 2;
  const inHeight = windows.height;
  const inWidth = windows.width;
  const outHeight = windows.gridHeight;
  const outWidth = windows.gridWidth;
  const filterHeight = windows.tapRows;
  const filterWidth = windows.tapColumns;
  const strideHeight = windows.strideHeight;
  const strideWidth = windows.strideWidth;
  const dilationHeight = windows.dilationHeight;
  const dilationWidth = windows.dilationWidth;
  const top = windows.padTop;
  const left = windows.padLeft;
  const isNine = isPlainNine(windows);
  // Fours of pixels that meet every tap of a filter of three columns.
  const begin = max(0, 2 - left);
  const stop = begin + (max(0, min(inWidth, outWidth - left) - begin) & ~3);
  for (let row = 0; row < inHeight; row++) {
    const outRow = row + top - 2;
    const isInside = isNine && outRow >= 0 && row + top < outHeight && begin < stop;
    for (let column = 0; column < inWidth; column++, dx += pixel) {
      if (isInside && column === begin) {
        const dyRow = dy + <usize>(outRow * outWidth) * pixel;
        for (let from = begin; from < stop; from += 4) {
          const start = dyRow + <usize>(from + left - 2) * pixel;
          const to = dx + <usize>(from - begin) * pixel;
          gatherNineTaps(start, filter, to, pixel, <usize>outWidth * pixel);
        }
        dx += <usize>(stop - begin) * pixel;
        column = stop;
        if (column >= inWidth) break;
      }
      let end = taps;
      for (let kh = 0; kh < filterHeight; kh++) {
        const tapRow = outputAt(row + top - kh * dilationHeight, strideHeight, outHeight);
        if (tapRow < 0) continue;
        for (let kw = 0; kw < filterWidth; kw++) {
          const outColumn = outputAt(column + left - kw * dilationWidth, strideWidth, outWidth);
          if (outColumn < 0) continue;
          store<u32>(end, <u32>(dy + <usize>(tapRow * outWidth + outColumn) * pixel));
          store<u32>(end, <u32>(filter + <usize>(kh * filterWidth + kw) * pixel), 4);
          end += 8;
        }
      }
      gatherTaps(dx, taps, end, pixel);
    }
  }
}
