import { CONVOLUTION, createProduct, FILTER_GRADIENT, multiply, productScratch } from './product';
import { lineOf, paddedChannels, positionsOf, Windows } from './windows';

/**
 * Convolutions and their gradients as matrix products with the windows of an image. `windows` is
 * the address of a {@link Windows}.
 */

/** Bytes of scratch that {@link convolve} needs. */
export function convolveScratch(windows: Windows): usize {
  return productScratch(
    positionsOf(windows),
    lineOf(windows),
    windows.outChannels,
    windows.channels,
  );
}

/**
 * `out = windows of the image · filter + bias` at the positions of the grid.
 *
 * @param transpose whether the filter is `[height, width, outChannels, channels]`, as for an input
 *   gradient, of which the windows name the taps that they meet; else it is `[height, width,
 *   channels, outChannels]`
 * @param bias `[outChannels]`, or 0
 */
export function convolve(
  windows: Windows,
  image: usize,
  filter: usize,
  out: usize,
  transpose: bool,
  bias: usize,
  scratch: usize,
): void {
  const rows = positionsOf(windows);
  const columns: usize = windows.outChannels;
  const channels: usize = windows.channels;
  const p = createProduct(scratch, CONVOLUTION, rows, lineOf(windows), columns, channels, bias);
  p.windows = windows;
  p.a = image;
  p.b = filter;
  p.out = out;
  p.transposeA = false;
  p.transposeB = transpose;
  multiply(p);
}

/** Bytes of scratch that {@link filterGradient} needs. */
export function filterGradientScratch(windows: Windows): usize {
  return productScratch(
    gradientRows(windows),
    positionsOf(windows),
    windows.outChannels,
    windows.channels,
  );
}

/** `out [taps, channels, outChannels] = transposed windows of the image · dy`. */
export function filterGradient(
  windows: Windows,
  image: usize,
  dy: usize,
  out: usize,
  scratch: usize,
): void {
  const rows = gradientRows(windows);
  const inner = positionsOf(windows);
  const columns: usize = windows.outChannels;
  const channels: usize = windows.channels;
  const p = createProduct(scratch, FILTER_GRADIENT, rows, inner, columns, channels, 0);
  p.windows = windows;
  p.a = image;
  p.b = dy;
  p.out = out;
  p.transposeA = true;
  p.transposeB = false;
  multiply(p);
}

function gradientRows(windows: Windows): usize {
  return <usize>(windows.tapRows * windows.tapColumns) * paddedChannels(windows);
}
