/**
 * Tensors by formula: the same float32 values, bit for bit, as scripts/goldens/formula.py makes, which
 * states the formula. Shapes and layouts are PyTorch's.
 */
import { elementCount, type StateDict } from '../../src/weights/index.js';

export const formulaVersion = 1;

/** Coarse cells along each side of an image. */
const imageCells = 8;

/** Values are `center + scale · u`, u uniform in [-1, 1). */
export interface Rule {
  center: number;
  scale: number;
}

const isPrelu = /(^|\.)(prelu|input_layer\.2|res_layer\.2)\.weight$/;

/** FNV-1a (32 bit) of the UTF-8 bytes. */
function hashName(name: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) value = Math.imul(value ^ byte, 0x01000193);
  return value;
}

/** The i-th pseudo-random word of a name, as uint32 (lowbias32). */
function hashElement(hash: number, i: number): number {
  let x = Math.imul(i, 0x9e3779b9) + hash;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Uniform in [-1, 1), each a multiple of 2^-23. */
function uniform(hash: number, i: number): number {
  return (hashElement(hash, i) >>> 8) / 2 ** 23 - 1;
}

export function formulaTensor(
  name: string,
  shape: readonly number[],
  { center, scale }: Rule,
): Float32Array {
  const hash = hashName(name);
  const values = new Float32Array(elementCount(shape));
  for (let i = 0; i < values.length; i++) values[i] = center + scale * uniform(hash, i);
  return values;
}

function weightRule(name: string, shape: readonly number[]): Rule {
  const kind = name.slice(name.lastIndexOf('.') + 1);
  if (kind === 'running_mean') return { center: 0, scale: 0.1 };
  if (kind === 'running_var') return { center: 1, scale: 0.5 };
  if (kind === 'bias') return { center: 0, scale: 0.1 };
  if (isPrelu.test(name)) return { center: 0.25, scale: 0.1 };
  if (kind === 'gamma1' || kind === 'gamma2') return { center: 0.5, scale: 0.2 };
  if (kind === 'weight' && shape.length === 1) return { center: 1, scale: 0.2 };
  if (kind !== 'weight') return { center: 0, scale: 0.5 };
  const gain = name.includes('.res_layer.') ? 0.8 : 1;
  return { center: 0, scale: gain * Math.sqrt(3 / elementCount(shape.slice(1))) };
}

/** A weight by its name in the state dict; the namespace tells equal names apart. */
export function formulaWeight(
  name: string,
  shape: readonly number[],
  namespace = '',
): Float32Array {
  return formulaTensor(namespace + name, shape, weightRule(name, shape));
}

/** A state dict of the same names and shapes; integers follow from shapes and stay. */
export function formulaStateDict(like: StateDict, namespace = ''): StateDict {
  const result: StateDict = new Map(like);
  for (const [name, { dtype, shape }] of like) {
    if (dtype !== 'float32') continue;
    result.set(name, { dtype, shape, data: formulaWeight(name, shape, namespace) });
  }
  return result;
}

/** Normalised images `[batch, 3, size, size]`: noise on coarse cells, so that images differ. */
export function formulaImages(name: string, batch: number, size: number): Float32Array {
  const [coarse, fine] = [hashName(`${name}/coarse`), hashName(`${name}/fine`)];
  const cell = size / imageCells;
  const values = new Float32Array(batch * 3 * size * size);
  for (let i = 0; i < values.length; i++) {
    const row = Math.floor(i / size);
    const [plane, y] = [Math.floor(row / size), row % size];
    const [cellRow, cellColumn] = [Math.floor(y / cell), Math.floor((i % size) / cell)];
    const cellIndex = (plane * imageCells + cellRow) * imageCells + cellColumn;
    values[i] = uniform(coarse, cellIndex) + uniform(fine, i);
  }
  return values;
}

export function formulaLabels(batch: number, numClasses: number): Int32Array {
  return Int32Array.from({ length: batch }, (_, i) => (3 * i + 1) % numClasses);
}

/** Flat indices of up to `count` elements, scattered so that no axis is favoured. */
export function sampleIndices(name: string, size: number, count: number): number[] {
  const hash = hashName(`${name}/samples`);
  return Array.from({ length: Math.min(size, count) }, (_, i) =>
    size <= count ? i : hashElement(hash, i) % size,
  );
}

/** Σ bits · (2i + 1) modulo 2^32: sensitive to every bit and to the order. */
export function checksum(values: Float32Array): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let sum = 0;
  for (let i = 0; i < bits.length; i++) sum = (sum + Math.imul(bits[i]!, 2 * i + 1)) | 0;
  return sum >>> 0;
}
