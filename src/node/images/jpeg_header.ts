/** What the header of a plain JPEG says: baseline, YCbCr in one scan, Huffman codes without restarts. */
export interface JpegHeader {
  width: number;
  height: number;
  /** How many units there are: the least parts that hold whole blocks of each component. */
  units: { across: number; down: number };
  /** Y, Cb, Cr. */
  components: JpegComponent[];
  /** Where the entropy-coded data begin. */
  data: number;
}

/** Y, Cb or Cr. */
export interface JpegComponent {
  /** Blocks across and down in a unit: sampling factors. */
  across: number;
  down: number;
  /** In samples. */
  width: number;
  height: number;
  /** What coefficients count, in the order of the file. Shape [64]. */
  quantisation: Uint8Array;
  /** Codes of first coefficients and of others. */
  dc: HuffmanCodes;
  ac: HuffmanCodes;
}

/** Canonical: in order of length. */
export interface HuffmanCodes {
  /** How many codes have a length of 1…16 bits. Shape [16]. */
  counts: Uint8Array;
  /** What the codes stand for. */
  symbols: Uint8Array;
}

/** The markers whose segments are passed over: comments, and applications' data. */
const passedOver = new Set([0xfe, ...Array.from({ length: 16 }, (_, i) => 0xe0 + i)]);
const exifMarker = 0xe1;
/** Adobe's says whether colours are YCbCr: it is left to others. */
const adobeMarker = 0xee;
/** Blocks of Y in a unit, where there is one of Cb and of Cr. */
const lumaBlocks = new Set(['1x1', '2x1', '2x2']);

/**
 * Reads the header of a JPEG.
 *
 * @returns undefined for whatever is not plain, damaged files included.
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  const quantisations = new Map<number, Uint8Array>();
  const codes = new Map<number, HuffmanCodes>();
  let frame: Uint8Array | undefined;
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1]!;
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    const segment = bytes.subarray(at + 4, at + 2 + length);
    if (segment.length !== length - 2) return undefined;
    at += 2 + length;
    if (marker === 0xdb) {
      if (!readQuantisations(segment, quantisations)) return undefined;
    } else if (marker === 0xc4) {
      if (!readCodes(segment, codes)) return undefined;
    } else if (marker === 0xc0 && !frame) {
      frame = segment;
    } else if (marker === 0xda) {
      return frame && headerOf(frame, segment, quantisations, codes, at);
    } else if (!passedOver.has(marker) || marker === adobeMarker || isExif(marker, segment)) {
      return undefined;
    }
  }
  return undefined;
}

/** A rotation may stand there. */
function isExif(marker: number, segment: Uint8Array): boolean {
  return (
    marker === exifMarker && Buffer.from(segment.subarray(0, 5)).toString('latin1') === 'Exif\0'
  );
}

/** Tables of bytes alone. */
function readQuantisations(segment: Uint8Array, into: Map<number, Uint8Array>): boolean {
  const tableBytes = 65;
  if (segment.length % tableBytes !== 0) return false;
  for (let at = 0; at < segment.length; at += tableBytes) {
    if (segment[at]! > 3) return false;
    into.set(segment[at]!, segment.subarray(at + 1, at + tableBytes));
  }
  return true;
}

/** The key is 0…3 for codes of first coefficients, 16…19 for those of others. */
function readCodes(segment: Uint8Array, into: Map<number, HuffmanCodes>): boolean {
  for (let at = 0; at < segment.length; ) {
    const key = segment[at]!;
    const counts = segment.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const symbols = segment.subarray(at + 17, at + 17 + total);
    if ((key & 0xec) !== 0 || total > 256 || symbols.length !== total) return false;
    if (!areCodes(counts)) return false;
    // First coefficients have at most 15 bits.
    if (key < 16 && symbols.some((symbol) => symbol > 15)) return false;
    into.set(key, { counts, symbols });
    at += 17 + total;
  }
  return true;
}

/** Whether there are so many codes of each length, of which none begins another and none has only ones. */
function areCodes(counts: Uint8Array): boolean {
  let left = 1;
  for (const count of counts) {
    left = 2 * left - count;
    if (left < 1) return false;
  }
  return counts.length === 16;
}

/** Of three components of eight bits, which one scan has whole. */
function headerOf(
  frame: Uint8Array,
  scan: Uint8Array,
  quantisations: ReadonlyMap<number, Uint8Array>,
  codes: ReadonlyMap<number, HuffmanCodes>,
  data: number,
): JpegHeader | undefined {
  if (frame.length !== 15 || frame[0] !== 8 || frame[5] !== 3) return undefined;
  if (scan.length !== 10 || scan[0] !== 3) return undefined;
  if (scan[7] !== 0 || scan[8] !== 63 || scan[9] !== 0) return undefined;
  const height = (frame[1]! << 8) | frame[2]!;
  const width = (frame[3]! << 8) | frame[4]!;
  const most = { across: frame[7]! >> 4, down: frame[7]! & 15 };
  if (width === 0 || height === 0 || !lumaBlocks.has(`${most.across}x${most.down}`)) {
    return undefined;
  }
  const components: JpegComponent[] = [];
  for (let i = 0; i < 3; i++) {
    const [id, sampling, table] = frame.subarray(6 + 3 * i, 9 + 3 * i);
    const [scanned, tables] = scan.subarray(1 + 2 * i, 3 + 2 * i);
    const [across, down] = [sampling! >> 4, sampling! & 15];
    const quantisation = quantisations.get(table!);
    const dc = codes.get(tables! >> 4);
    const ac = codes.get(16 + (tables! & 15));
    // These are the numbers that say YCbCr.
    if (id !== i + 1 || scanned !== id || !quantisation || !dc || !ac) return undefined;
    if (i > 0 && (across !== 1 || down !== 1)) return undefined;
    components.push({
      ...{ across, down, quantisation, dc, ac },
      width: Math.ceil((width * across) / most.across),
      height: Math.ceil((height * down) / most.down),
    });
  }
  const units = {
    across: Math.ceil(width / (8 * most.across)),
    down: Math.ceil(height / (8 * most.down)),
  };
  return { width, height, units, components, data };
}
