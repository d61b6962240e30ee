import { Component } from './jpeg_component';
import { endsHere, readBlock, startBits } from './jpeg_bits';
import { colourRow, doubledRow } from './jpeg_colour';
import { fillBlock, transformBlock } from './jpeg_transform';

/**
 * Decoding of a plain JPEG, compiled by itself: it has a memory of its own. Baseline, YCbCr in one scan, and what libjpeg-turbo
 * makes of it, bit by bit. src/node/images/decode_jpeg.ts reads the headers.
 */

/** An image. The caller writes this structure as consecutive int32, and keeps 64 bytes free behind all that it points at. */
@unmanaged
class Jpeg {
  y: Component;
  cb: Component;
  cr: Component;
  /** Entropy-coded data, with a marker behind them. */
  data: usize;
  unitsAcross: i32;
  unitsDown: i32;
  /** `[64]` bytes: where each coefficient belongs in a block. */
  order: usize;
  /** Room for `[8, 8]` int16 and `[8, 8]` int32. */
  work: usize;
  /** Room for rows of Cb, Cr and their sums: `2 · stride of Y` bytes each. */
  rows: usize;
  /** `[height, width, 3]` */
  out: usize;
}

/** Reads the blocks of a component in a unit. @returns false for damaged data */
function readUnit(jpeg: Jpeg, c: Component, across: i32, down: i32): bool {
  for (let v = 0; v < c.down; v++) {
    for (let h = 0; h < c.across; h++) {
      const last = readBlock(c, jpeg.work, jpeg.order);
      if (last < 0) return false;
      const row = (down * c.down + v) * 8;
      const out = c.plane + row * c.stride + (across * c.across + h) * 8;
      if (last == 0) fillBlock(<i16>(c.last * load<i16>(c.quantisation)), out, c.stride);
      else transformBlock(jpeg.work, c.quantisation, jpeg.work + 128, out, c.stride);
    }
  }
  return true;
}

/** Reads the samples of all components. @returns false for damaged data */
export function readSamples(jpeg: Jpeg): bool {
  startBits(jpeg.data);
  for (let down = 0; down < jpeg.unitsDown; down++) {
    for (let across = 0; across < jpeg.unitsAcross; across++) {
      if (!readUnit(jpeg, jpeg.y, across, down)) return false;
      if (!readUnit(jpeg, jpeg.cb, across, down)) return false;
      if (!readUnit(jpeg, jpeg.cr, across, down)) return false;
    }
  }
  return endsHere();
}

/** Makes pixels of samples. */
export function colourImage(jpeg: Jpeg): void {
  const y = jpeg.y;
  const cbRow = jpeg.rows;
  const crRow = cbRow + 2 * y.stride;
  const sums = crRow + 2 * y.stride;
  for (let row = 0; row < y.height; row++) {
    let cb = jpeg.cb.plane + row * jpeg.cb.stride;
    let cr = jpeg.cr.plane + row * jpeg.cr.stride;
    if (y.across == 2) {
      doubledRow(jpeg.cb, row, y.down == 2, sums, cbRow);
      doubledRow(jpeg.cr, row, y.down == 2, sums, crRow);
      cb = cbRow;
      cr = crRow;
    }
    colourRow(y.plane + row * y.stride, cb, cr, jpeg.out + row * y.width * 3, y.width);
  }
}
