import { ArgumentError } from '../ops/errors.js';

/** How each dtype is held in memory. The 16-bit floats are raw bits: JavaScript has no such type. */
export interface DataOf {
  float64: Float64Array;
  float32: Float32Array;
  /** Bits of IEEE 754 binary16. */
  float16: Uint16Array;
  /** The upper 16 bits of a float32. */
  bfloat16: Uint16Array;
  int64: BigInt64Array;
  int32: Int32Array;
  int16: Int16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  /** One byte per element, 0 or 1. */
  bool: Uint8Array;
}

/** The dtype of a stored tensor, by its name in PyTorch. */
export type Dtype = keyof DataOf;

/** A tensor as stored: `data` in row-major order, one element per product of `shape`. */
export type StateTensor = {
  [D in Dtype]: { dtype: D; shape: readonly number[]; data: DataOf[D] };
}[Dtype];

/**
 * The weights of a model by name, in the order in which they were stored. A Map, because names
 * come from files: on a plain object `__proto__` would be more than a name.
 */
export type StateDict = Map<string, StateTensor>;

/**
 * Bytes that an element of each dtype takes.
 *
 * @example
 * console.log(bytesPerElement.bfloat16 * elementCount([64, 3, 3, 3])); // 3456
 */
export const bytesPerElement: Record<Dtype, number> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/**
 * The number of elements of a tensor of this shape; 1 for a scalar, `[]`.
 *
 * @example
 * console.log(elementCount([64, 3, 3, 3]), elementCount([])); // 1728 1
 */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}

/**
 * Reads little-endian bytes as the elements of a tensor. The result is a view of `bytes` where
 * their address allows it and a copy where it does not.
 *
 * @param bytes exactly `elementCount(shape) * bytesPerElement[dtype]` bytes.
 * @throws ArgumentError if the length is another.
 *
 * @example
 * const tensor = tensorFromBytes('int16', [2], Uint8Array.of(1, 0, 2, 1));
 * console.log(tensor.data); // Int16Array(2) [ 1, 258 ]
 */
export function tensorFromBytes(
  dtype: Dtype,
  shape: readonly number[],
  bytes: Uint8Array,
): StateTensor {
  const count = elementCount(shape);
  if (bytes.length !== count * bytesPerElement[dtype]) {
    throw new ArgumentError(
      `${bytes.length} bytes for ${dtype} [${shape}]: expected ${count * bytesPerElement[dtype]}`,
    );
  }
  const { buffer, byteOffset } = aligned(bytes, bytesPerElement[dtype]);
  switch (dtype) {
    case 'float64':
      return { dtype, shape, data: new Float64Array(buffer, byteOffset, count) };
    case 'float32':
      return { dtype, shape, data: new Float32Array(buffer, byteOffset, count) };
    case 'float16':
    case 'bfloat16':
      return { dtype, shape, data: new Uint16Array(buffer, byteOffset, count) };
    case 'int64':
      return { dtype, shape, data: new BigInt64Array(buffer, byteOffset, count) };
    case 'int32':
      return { dtype, shape, data: new Int32Array(buffer, byteOffset, count) };
    case 'int16':
      return { dtype, shape, data: new Int16Array(buffer, byteOffset, count) };
    case 'int8':
      return { dtype, shape, data: new Int8Array(buffer, byteOffset, count) };
    case 'uint8':
    case 'bool':
      return { dtype, shape, data: new Uint8Array(buffer, byteOffset, count) };
  }
}

/**
 * The tensor's elements as bytes, little-endian as on every platform that runs JavaScript.
 *
 * @example
 * const tensor = { dtype: 'int16', shape: [2], data: Int16Array.of(1, 258) } as const;
 * console.log(tensorBytes(tensor)); // Uint8Array(4) [ 1, 0, 2, 1 ]
 */
export function tensorBytes({ data }: StateTensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * The tensor's values as float32, the precision of TensorFlow.js. A float32 tensor's own data is
 * returned, not a copy. int64 and float64 values are rounded to the nearest float32.
 *
 * @example
 * const tensor = { dtype: 'bfloat16', shape: [2], data: Uint16Array.of(0x3f80, 0xc000) } as const;
 * console.log(toFloat32(tensor)); // Float32Array(2) [ 1, -2 ]
 */
export function toFloat32(tensor: StateTensor): Float32Array {
  switch (tensor.dtype) {
    case 'float32':
      return tensor.data;
    case 'float16':
      return Float32Array.from(tensor.data, float16ToNumber);
    case 'bfloat16':
      return bfloat16ToFloat32(tensor.data);
    case 'int64':
      return Float32Array.from(tensor.data, Number);
    default:
      return Float32Array.from(tensor.data);
  }
}

/** bfloat16 is the upper half of a float32. */
function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  const words = new Uint32Array(values.buffer);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return values;
}

/** IEEE 754 binary16: 1 sign bit, 5 exponent bits (bias 15), 10 fraction bits. */
function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The bytes, copied unless their address is a multiple of `alignment`. */
export function aligned(bytes: Uint8Array, alignment: number): Uint8Array {
  // Not by slice(), which of a Node Buffer is a view.
  return bytes.byteOffset % alignment === 0 ? bytes : new Uint8Array(bytes);
}
