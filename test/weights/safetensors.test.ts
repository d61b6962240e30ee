import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readSafetensors,
  SafetensorsError,
  type SafetensorsErrorCode,
  writeSafetensors,
} from '../../src/weights/safetensors.js';
import {
  bytesPerElement,
  type Dtype,
  type StateDict,
  tensorBytes,
  tensorFromBytes,
} from '../../src/weights/state_dict.js';

const dtypes = Object.keys(bytesPerElement) as Dtype[];

/** A file with this header and this many bytes of data. */
function file(header: unknown, dataBytes = 0): Uint8Array {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  return rawFile(new TextEncoder().encode(text), dataBytes);
}

function rawFile(header: Uint8Array, dataBytes = 0, length = BigInt(header.length)): Uint8Array {
  const bytes = new Uint8Array(8 + header.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, length, true);
  bytes.set(header, 8);
  return bytes;
}

function codeOf(bytes: Uint8Array): SafetensorsErrorCode | 'ok' {
  try {
    readSafetensors(bytes);
    return 'ok';
  } catch (error) {
    if (error instanceof SafetensorsError) return error.code;
    throw error;
  }
}

function f32(begin: number, end: number, shape: unknown = [(end - begin) / 4]) {
  return { dtype: 'F32', shape, data_offsets: [begin, end] };
}

function small(): StateDict {
  return new Map([
    ['weight', tensorFromBytes('float32', [2, 2], new Uint8Array(16).fill(63))],
    ['steps', tensorFromBytes('int64', [], new Uint8Array(8).fill(1))],
    ['mask', tensorFromBytes('bool', [3], new Uint8Array([1, 0, 1]))],
  ]);
}

describe('readSafetensors', () => {
  it('reads the example of the format', () => {
    const header = '{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}';
    const { tensors, metadata } = readSafetensors(file(header, 16));
    expect([...tensors.keys()]).toEqual(['test']);
    expect(tensors.get('test')).toEqual({ dtype: 'int32', shape: [2, 2], data: new Int32Array(4) });
    expect(metadata).toEqual({});
  });

  it('accepts padding, white space, scalars, empty tensors and any order of names', () => {
    const header = {
      __metadata__: { format: 'pt', 'a "quoted" {name}': '}{":' },
      last: f32(4, 8, []),
      none: f32(4, 4, [3, 0]),
      first: f32(0, 4),
    };
    const { tensors, metadata } = readSafetensors(file(`${JSON.stringify(header, null, 2)}   `, 8));
    expect([...tensors.keys()]).toEqual(['first', 'none', 'last']);
    expect(tensors.get('last')?.shape).toEqual([]);
    expect(tensors.get('none')?.data).toHaveLength(0);
    expect(metadata).toEqual(header.__metadata__);
    expect(codeOf(file('{"__metadata__":null}'))).toBe('ok');
    expect(codeOf(file('{}'))).toBe('ok');
  });

  it('reads from any position in a buffer', () => {
    const bytes = writeSafetensors(small());
    for (let shift = 0; shift < 9; shift++) {
      const shifted = new Uint8Array(bytes.length + shift).subarray(shift);
      shifted.set(bytes);
      expect(readSafetensors(shifted).tensors).toEqual(readSafetensors(bytes).tensors);
    }
  });

  it('takes names such as __proto__ for names', () => {
    const header = `{"__proto__":${JSON.stringify(f32(0, 4))},"__metadata__":{"__proto__":"x"}}`;
    const { tensors, metadata } = readSafetensors(file(header, 4));
    expect([...tensors.keys()]).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype);
    expect(Object.entries(metadata)).toEqual([['__proto__', 'x']]);
  });

  const utf8 = (text: string) => new TextEncoder().encode(text);
  const big = 2 ** 52;
  const one = JSON.stringify(f32(0, 4));
  it.each<[string, SafetensorsErrorCode, Uint8Array]>([
    ['no bytes', 'HeaderTooSmall', new Uint8Array(0)],
    ['7 bytes', 'HeaderTooSmall', new Uint8Array(7)],
    ['a header of 100 MB + 1', 'HeaderTooLarge', rawFile(utf8('{}'), 0, 100_000_001n)],
    [
      'a header of 100 MB that is not there',
      'InvalidHeaderLength',
      rawFile(utf8('{}'), 0, 100_000_000n),
    ],
    ['a header of 2^64 − 1', 'HeaderTooLarge', rawFile(utf8('{}'), 0, 2n ** 64n - 1n)],
    ['a header past the end', 'InvalidHeaderLength', rawFile(utf8('{}'), 0, 3n)],
    ['a header of no bytes', 'InvalidHeaderStart', new Uint8Array(8)],
    ['bytes that are not UTF-8', 'InvalidHeader', rawFile(Uint8Array.of(0x7b, 0xff, 0x7d))],
    ['a byte order mark', 'InvalidHeaderStart', file('\ufeff{}')],
    ['a leading space', 'InvalidHeaderStart', file(' {}')],
    ['an array', 'InvalidHeaderStart', file('[]')],
    ['half of JSON', 'InvalidHeaderDeserialization', file('{"a":')],
    ['text after the JSON', 'InvalidHeaderDeserialization', file('{}x')],
    ['NUL padding', 'InvalidHeaderDeserialization', file('{}\0')],
    ['a tensor that is null', 'InvalidHeaderDeserialization', file({ a: null })],
    ['no offsets', 'InvalidHeaderDeserialization', file({ a: { dtype: 'F32', shape: [] } })],
    [
      'three offsets',
      'InvalidHeaderDeserialization',
      file({ a: { ...f32(0, 4), data_offsets: [0, 4, 8] } }, 4),
    ],
    ['no shape', 'InvalidHeaderDeserialization', file({ a: f32(0, 4, null) }, 4)],
    ['a shape of text', 'InvalidHeaderDeserialization', file({ a: f32(0, 4, ['1']) }, 4)],
    ['a negative size', 'InvalidHeaderDeserialization', file({ a: f32(0, 4, [-1]) }, 4)],
    ['a size of 1.5', 'InvalidHeaderDeserialization', file({ a: f32(0, 4, [1.5]) }, 4)],
    [
      'a size of 1.0',
      'InvalidHeaderDeserialization',
      file(`{"a":${one.replace('[1]', '[1.0]')}}`, 4),
    ],
    [
      'a size of 1e0',
      'InvalidHeaderDeserialization',
      file(`{"a":${one.replace('[1]', '[1e0]')}}`, 4),
    ],
    ...['1E0', '1e+0'].map((size): [string, SafetensorsErrorCode, Uint8Array] => [
      `a size of ${size}`,
      'InvalidHeaderDeserialization',
      file(`{"a":${one.replace('[1]', `[${size}]`)}}`, 4),
    ]),
    ['no dtype', 'InvalidHeaderDeserialization', file({ a: { ...f32(0, 4), dtype: 7 } }, 4)],
    [
      'an unknown dtype',
      'InvalidHeaderDeserialization',
      file({ a: { ...f32(0, 4), dtype: 'F33' } }, 4),
    ],
    ['metadata that is no text', 'InvalidHeaderDeserialization', file({ __metadata__: { a: 1 } })],
    [
      'metadata of which one is no text',
      'InvalidHeaderDeserialization',
      file({ __metadata__: { a: 'text', b: 1 } }),
    ],
    ['metadata that is a list', 'InvalidHeaderDeserialization', file({ __metadata__: [] })],
    ['a dtype not held here', 'UnsupportedDtype', file({ a: { ...f32(0, 4), dtype: 'U32' } }, 4)],
    ['a name twice', 'DuplicateKey', file(`{"a":${one},"a":${one}}`, 4)],
    ['a name twice, escaped', 'DuplicateKey', file(`{"a":${one},"\\u0061" :${one}}`, 4)],
    ['a field twice', 'DuplicateKey', file(`{"a":{"dtype":"I8",${one.slice(1)}}`, 4)],
    ['a hole at the start', 'InvalidOffset', file({ a: f32(4, 8) }, 8)],
    ['a hole between', 'InvalidOffset', file({ a: f32(0, 4), b: f32(8, 12) }, 12)],
    ['an overlap', 'InvalidOffset', file({ a: f32(0, 8), b: f32(4, 12) }, 12)],
    ['the same bytes twice', 'InvalidOffset', file({ a: f32(0, 4), b: f32(0, 4) }, 4)],
    ['an end before the start', 'InvalidOffset', file({ a: f32(0, 4), b: f32(4, 0, [1]) }, 4)],
    ['too many bytes for the shape', 'TensorInvalidInfo', file({ a: f32(0, 8, [1]) }, 8)],
    ['too few bytes for the shape', 'TensorInvalidInfo', file({ a: f32(0, 4, [2]) }, 4)],
    ['a product that overflows', 'ValidationOverflow', file({ a: f32(0, 4, [big, big]) }, 4)],
    ['an overflow hidden by a 0', 'ValidationOverflow', file({ a: f32(0, 0, [big, big, 0]) })],
    [
      'offsets beyond 2^53',
      'ValidationOverflow',
      file(`{"a":${one.replace('4]', '99999999999999999999]')}}`),
    ],
    ['tensors past the end', 'MetadataIncompleteBuffer', file({ a: f32(0, 4) }, 3)],
    ['bytes of no tensor', 'MetadataIncompleteBuffer', file({ a: f32(0, 4) }, 5)],
    ['bytes but no tensor', 'MetadataIncompleteBuffer', file({}, 1)],
  ])('refuses %s: %s', (_, code, bytes) => {
    expect(codeOf(bytes)).toBe(code);
  });

  it.each([
    [rawFile(utf8('{}'), 0, 3n), 'the header claims 3 bytes but the file has only 2 more'],
    [file({ a: f32(0, 4), b: f32(4, 12, [1]) }, 12), 'tensor b has 8 bytes: float32 [1] takes 4'],
    [file({ a: { ...f32(0, 4), dtype: 'U32' } }, 4), 'tensor a is U32: supported are BOOL, U8, I8'],
  ])('says what it found and what it expected %#', (bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(message);
  });

  it('survives JSON nested deeper than the stack', () => {
    const deep = `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect(codeOf(file(deep))).toBe('InvalidHeaderDeserialization');
  });

  it('refuses a file cut at any byte', () => {
    const bytes = writeSafetensors(small(), { format: 'pt' });
    for (let end = 0; end < bytes.length; end++) {
      expect(codeOf(bytes.subarray(0, end)), `cut at ${end}`).not.toBe('ok');
    }
  });

  it('reads or refuses, never breaks, when any one bit is flipped', () => {
    const bytes = writeSafetensors(small(), { format: 'pt' });
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => codeOf(flipped), `bit ${bit}`).not.toThrow();
    }
  });

  it('reads or refuses, never breaks, when bytes are changed at random', () => {
    const bytes = writeSafetensors(small(), { format: 'pt' });
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const changed = bytes.slice();
        for (const [at, value] of changes) changed[at] = value;
        codeOf(changed);
      }),
      { numRuns: 2000, seed: 1 },
    );
  });

  it('reads or refuses, never breaks, on any header in JSON', () => {
    const size = fc.oneof(fc.nat(20), fc.integer(), fc.double(), fc.constant(2 ** 53));
    const info = fc.record(
      {
        dtype: fc.constantFrom('F32', 'I64', 'BOOL', 'F8_E4M3', ''),
        shape: fc.oneof(fc.array(size, { maxLength: 3 }), fc.jsonValue()),
        data_offsets: fc.oneof(fc.tuple(size, size), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    const header = fc.dictionary(fc.string(), fc.oneof(info, fc.jsonValue()), { maxKeys: 3 });
    fc.assert(
      fc.property(header, fc.nat(40), (fields, dataBytes) => {
        codeOf(file(fields, dataBytes));
      }),
      { numRuns: 1000, seed: 1 },
    );
  });
});

// safetensors 0.8.0: save({'b': arange(3, float32), 'a': arange(2, float16), 'i': array([7], int64)},
//   metadata={'format': 'pt'})
const fromPython = [
  'yAAAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJpIjp7ImR0eXBlIjoiSTY0Iiwic2hh',
  'cGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbMCw4XX0sImIiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzNdLCJk',
  'YXRhX29mZnNldHMiOls4LDIwXX0sImEiOnsiZHR5cGUiOiJGMTYiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNl',
  'dHMiOlsyMCwyNF19fSAgICAgIAcAAAAAAAAAAAAAAAAAgD8AAABAAAAAPA==',
].join('');

const anyTensor = fc
  .tuple(fc.constantFrom(...dtypes), fc.array(fc.nat(3), { maxLength: 3 }), fc.nat(255))
  .map(([dtype, shape, fill]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const bytes = new Uint8Array(count * bytesPerElement[dtype]).fill(fill);
    return tensorFromBytes(dtype, shape, bytes);
  });
const anyName = fc.string({ unit: 'grapheme' }).filter((name) => name !== '__metadata__');
const anyStateDict = fc
  .array(fc.tuple(anyName, anyTensor), { maxLength: 6 })
  .map((entries): StateDict => new Map(entries));

describe('writeSafetensors', () => {
  it('writes what readSafetensors reads', () => {
    fc.assert(
      fc.property(anyStateDict, fc.dictionary(anyName, fc.string()), (tensors, metadata) => {
        const read = readSafetensors(writeSafetensors(tensors, metadata));
        expect([...read.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
        for (const [name, tensor] of tensors) {
          const found = read.tensors.get(name)!;
          expect([found.dtype, found.shape]).toEqual([tensor.dtype, tensor.shape]);
          expect(tensorBytes(found)).toEqual(tensorBytes(tensor));
        }
        expect(Object.entries(read.metadata)).toEqual(Object.entries(metadata));
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('lays tensors out aligned and in an order of its own', () => {
    const tensors = small();
    const bytes = writeSafetensors(tensors);
    expect([...readSafetensors(bytes).tensors.keys()]).toEqual(['steps', 'weight', 'mask']);
    expect(writeSafetensors(new Map([...tensors].reverse()))).toEqual(bytes);
    for (const { data } of readSafetensors(bytes).tensors.values()) {
      expect(data.buffer).toBe(bytes.buffer);
    }
  });

  it('lays tensors of one type out by name, whatever order they come in', () => {
    const one = (value: number) => tensorFromBytes('uint8', [1], Uint8Array.of(value));
    const names = ['c', 'a', 'd', 'b'];
    const write = (order: string[]) =>
      writeSafetensors(new Map(order.map((name) => [name, one(name.charCodeAt(0))])));
    const bytes = write(names);
    expect([...readSafetensors(bytes).tensors.keys()]).toEqual(['a', 'b', 'c', 'd']);
    expect([...bytes.subarray(-4)]).toEqual([97, 98, 99, 100]);
    expect(write([...names].reverse())).toEqual(bytes);
  });

  it('leaves metadata out where there are none', () => {
    const text = (metadata?: Record<string, string>) =>
      new TextDecoder('latin1').decode(writeSafetensors(small(), metadata));
    expect(text()).not.toContain('__metadata__');
    expect(text({})).not.toContain('__metadata__');
    expect(text({ a: 'b' })).toContain('"__metadata__":{"a":"b"}');
  });

  it('writes the bytes of the Python package', () => {
    const tensors: StateDict = new Map([
      ['b', { dtype: 'float32', shape: [3], data: Float32Array.of(0, 1, 2) }],
      ['a', { dtype: 'float16', shape: [2], data: Uint16Array.of(0, 0x3c00) }],
      ['i', { dtype: 'int64', shape: [1], data: BigInt64Array.of(7n) }],
    ]);
    const bytes = writeSafetensors(tensors, { format: 'pt' });
    expect(Buffer.from(bytes).toString('base64')).toBe(fromPython);
  });

  it('refuses a reserved name and data that do not fill the shape', () => {
    const tensor = { dtype: 'int8', shape: [2], data: new Int8Array(3) } as const;
    expect(() => writeSafetensors(new Map([['a', tensor]]))).toThrow(
      'tensor a holds 3 int8 elements: its shape is [2]',
    );
    expect(() => writeSafetensors(new Map([['__metadata__', tensor]]))).toThrow('is reserved');
  });
});
