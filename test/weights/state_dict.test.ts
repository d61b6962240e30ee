import { describe, expect, it } from 'vitest';
import { tensorBytes, tensorFromBytes, toFloat32 } from '../../src/weights/state_dict.js';

describe('tensorFromBytes', () => {
  it('refuses bytes that do not fill the shape', () => {
    expect(() => tensorFromBytes('float32', [2, 3], new Uint8Array(20))).toThrow(
      '20 bytes for float32 [2,3]: expected 24',
    );
  });

  it('views aligned bytes and copies others', () => {
    const bytes = new Uint8Array(12);
    expect(tensorFromBytes('int32', [1], bytes.subarray(4, 8)).data.buffer).toBe(bytes.buffer);
    expect(tensorFromBytes('int32', [1], bytes.subarray(3, 7)).data.buffer).not.toBe(bytes.buffer);
  });

  it('copies unaligned bytes of a Node Buffer too, whose slice() is a view', () => {
    const bytes = Buffer.from([0, 1, 0, 0, 0, 2, 0, 0, 0]);
    expect([...tensorFromBytes('int32', [2], bytes.subarray(1, 9)).data]).toEqual([1, 2]);
  });

  it('is the reverse of tensorBytes', () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
    expect(tensorBytes(tensorFromBytes('float64', [2], bytes))).toEqual(bytes);
  });
});

describe('toFloat32', () => {
  it('hands out float32 data as they are', () => {
    const data = Float32Array.of(1, 2);
    expect(toFloat32({ dtype: 'float32', shape: [2], data })).toBe(data);
  });

  it('reads every kind of float16', () => {
    const bits = [
      0x0000, 0x8000, 0x3c00, 0xc000, 0x3555, 0x7bff, 0x0400, 0x03ff, 0x0001, 0x7c00, 0xfc00,
      0x7e00,
    ];
    const values = toFloat32({ dtype: 'float16', shape: [12], data: Uint16Array.from(bits) });
    expect([...values]).toEqual([
      0,
      -0,
      1,
      -2,
      0.333251953125,
      65504,
      2 ** -14,
      1023 * 2 ** -24,
      2 ** -24,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ]);
  });

  it('reads bfloat16 as the upper half of float32', () => {
    const bits = Uint16Array.of(0x0000, 0x3f80, 0xc040, 0x7f80, 0x8000);
    expect([...toFloat32({ dtype: 'bfloat16', shape: [5], data: bits })]).toEqual([
      0,
      1,
      -3,
      Number.POSITIVE_INFINITY,
      -0,
    ]);
  });

  it('reads integers and booleans', () => {
    expect([...toFloat32({ dtype: 'int64', shape: [2], data: BigInt64Array.of(-5n, 7n) })]).toEqual(
      [-5, 7],
    );
    expect([...toFloat32({ dtype: 'int8', shape: [1], data: Int8Array.of(-5) })]).toEqual([-5]);
    expect([...toFloat32({ dtype: 'bool', shape: [2], data: Uint8Array.of(0, 1) })]).toEqual([
      0, 1,
    ]);
  });
});
