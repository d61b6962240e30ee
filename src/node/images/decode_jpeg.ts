import { CompiledMemory, laidOut, put, structureOf } from '../../training/compiled_memory.js';
import { jpegBinary } from './jpeg_binary.js';
import {
  type HuffmanCodes,
  type JpegComponent,
  type JpegHeader,
  readJpegHeader,
} from './jpeg_header.js';
import { codesBytes, inBlockOrder, tableOf, zigzag } from './jpeg_tables.js';

/** As sharp gives them. */
export interface DecodedPixels {
  /** RGB. Shape [info.height, info.width, 3]. */
  data: Uint8Array;
  info: { width: number; height: number };
}

/** Exported by assembly/jpeg.ts. */
interface Compiled {
  readSamples(jpeg: number): number;
  colourImage(jpeg: number): void;
}

/** Takes 4 to 14 ms, as there is detail. Larger images are for sharp, whose threads do not hold up the main one. */
const maxPixels = 1024 * 1024;
const maxBytes = 2 ** 20;
/** Of images up to four pixels wide, libjpeg doubles the samples otherwise. */
const minWidth = 5;
/** Bytes of a `Component` and of a `Jpeg` in assembly/. */
const componentBytes = 40;
const jpegBytes = 40;
/** Bytes of a block of int16. */
const blockBytes = 128;
/** No marker that a file has here: where it stands, the file was cut off. */
const cutMarker = [0xff, 0x01];

const decoder = new CompiledMemory<Compiled>(jpegBinary);

/**
 * Decodes a small plain JPEG, such as the face crops of data sets, in WebAssembly of our own: bit by bit as libjpeg-turbo
 * does, which sharp and PIL use. At 100 to 224 pixels, libraries for plain Node take two to four times as long.
 *
 * @param use What to do with the pixels, at once: they lie where those of the next image will.
 * @returns What `use` returns; undefined for what sharp shall read or refuse: all that is large, no JPEG, damaged, grey,
 *   CMYK, progressive, has restarts, tables or sampling that are rare, Adobe's marker, or EXIF data, in which a
 *   rotation may stand.
 */
export function withSmallJpeg<T>(
  bytes: Uint8Array,
  use: (decoded: DecodedPixels) => T,
): T | undefined {
  if (bytes.length > maxBytes) return undefined;
  const header = readJpegHeader(bytes);
  if (!header) return undefined;
  const { width, height } = header;
  if (width < minWidth || width * height > maxPixels) return undefined;
  const data = decode(header, bytes.subarray(header.data));
  return data && use({ data, info: { width, height } });
}

/** @returns RGB, a view of the memory; undefined for damaged data. */
function decode(header: JpegHeader, data: Uint8Array): Uint8Array | undefined {
  const { width, height, units, components } = header;
  const tables = [...new Set(components.flatMap(({ dc, ac }) => [dc, ac]))];
  const planes = components.map((component) => planeOf(component, units));
  const planeBytes = planes.map(({ stride, rows }) => stride * rows);
  const { at, end } = laidOut({
    jpeg: jpegBytes,
    components: 3 * componentBytes,
    order: zigzag.length,
    quantisations: 3 * blockBytes,
    codes: tables.length * codesBytes,
    // A block of int16 and one of int32.
    work: 3 * blockBytes,
    rows: 6 * planes[0]!.stride,
    planes: planeBytes.reduce((sum, size) => sum + size),
    data: data.length + cutMarker.length,
    out: 3 * width * height,
  });
  const { bytes, compiled } = decoder.room(end);
  bytes.set(zigzag, at.order);
  bytes.set(data, at.data);
  bytes.set(cutMarker, at.data + data.length);
  for (const [i, codes] of tables.entries()) bytes.set(tableOf(codes), at.codes + i * codesBytes);
  const addressOf = (codes: HuffmanCodes) => at.codes + tables.indexOf(codes) * codesBytes;
  let plane = at.planes;
  for (const [i, { across, down, width, height, ...of }] of components.entries()) {
    const quantisation = at.quantisations + i * blockBytes;
    put(bytes, quantisation, inBlockOrder(of.quantisation));
    const [dc, ac] = [addressOf(of.dc), addressOf(of.ac)];
    const { stride } = planes[i]!;
    const fields = { across, down, width, height, quantisation, dc, ac, plane, stride, last: 0 };
    put(bytes, at.components + i * componentBytes, structureOf(fields));
    plane += planeBytes[i]!;
  }
  const jpeg = structureOf({
    y: at.components,
    cb: at.components + componentBytes,
    cr: at.components + 2 * componentBytes,
    data: at.data,
    unitsAcross: units.across,
    unitsDown: units.down,
    order: at.order,
    work: at.work,
    rows: at.rows,
    out: at.out,
  });
  put(bytes, at.jpeg, jpeg);
  if (!compiled.readSamples(at.jpeg)) return undefined;
  compiled.colourImage(at.jpeg);
  return bytes.subarray(at.out, at.out + 3 * width * height);
}

/** Room for the samples of all blocks. */
function planeOf({ across, down }: JpegComponent, units: JpegHeader['units']) {
  return { stride: 8 * units.across * across, rows: 8 * units.down * down };
}
