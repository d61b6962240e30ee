import { describe, expect, it } from 'vitest';
import { loadTorchCheckpoint } from '../../../src/weights/load_torch_checkpoint.js';
import type { TorchFileErrorCode } from '../../../src/weights/torch/torch_file_error.js';
import {
  codeOf,
  dict,
  fileOf,
  int,
  ints,
  latin1,
  littleEndian,
  loadCode,
  readPickle,
  type StorageParts,
  sixteenBytes,
  storage,
  type TensorParts,
  tensor,
  text,
  torchZip,
} from './torch_bytes.js';

function values(file: Uint8Array): Record<string, number[]> {
  return Object.fromEntries(
    [...loadTorchCheckpoint(file)].map(([name, { data }]) => [name, Array.from(data, Number)]),
  );
}

function loaded(parts: TensorParts): number[] | undefined {
  return values(fileOf(parts)).w;
}

const untyped = 'ctorch.storage\nUntypedStorage\n';
const big = 2n ** 52n;

describe('a tensor', () => {
  it('is made by each of the functions of its time', () => {
    expect(loaded({})).toEqual([1, 2, 3, 4]);
    expect(loaded({ function: '_rebuild_tensor', more: '' })).toEqual([1, 2, 3, 4]);
    const v3 = { function: '_rebuild_tensor_v3', count: 16, more: '\x89)ctorch\nfloat32\n' };
    expect(loaded({ ...v3, type: untyped })).toEqual([1, 2, 3, 4]);
    expect(loaded({ more: '\x89)}' })).toEqual([1, 2, 3, 4]);
    expect(loaded({ type: 'ctorch.cuda\nFloatStorage\n', location: text('cuda:3') })).toEqual([
      1, 2, 3, 4,
    ]);
  });

  it('may be wrapped as a parameter, with a state or of a class of its own', () => {
    const call = (name: string, args: string) => `c${name}\n(${args}tR`;
    const rebuild = 'ctorch._utils\n_rebuild_tensor_v2\n';
    const args = `(${storage()}${int(0)}${ints([2])}${ints([2])}\x89)t`;
    const entries = [
      ['a', call('torch._utils\n_rebuild_parameter', `${tensor()}\x88)`)],
      ['b', call('torch._utils\n_rebuild_parameter_with_state', `${tensor()}\x88)}`)],
      ['c', call('torch._tensor\n_rebuild_from_type_v2', `${rebuild}cmy\nTensor\n${args}}`)],
      ['d', `${tensor()}}b`],
    ] as const;
    const file = torchZip(`${dict(entries)}.`, sixteenBytes);
    const all = [1, 2, 3, 4];
    expect(values(file)).toEqual({ a: all, b: all, c: [1, 3], d: all });
  });

  it('is gathered by its strides', () => {
    expect(loaded({ shape: [2, 2], strides: [1, 2] })).toEqual([1, 3, 2, 4]);
    expect(loaded({ shape: [2, 3], strides: [1, 0], offset: 1 })).toEqual([2, 2, 2, 3, 3, 3]);
    expect(loaded({ shape: [3], strides: [0] })).toEqual([1, 1, 1]);
    expect(loaded({ shape: [1, 4, 1], strides: [77, 1, 99] })).toEqual([1, 2, 3, 4]);
    expect(loaded({ shape: [], strides: [], offset: 3 })).toEqual([4]);
    expect(loaded({ shape: [0, 5], strides: [5, 1], offset: 9 })).toEqual([]);
  });

  it.each<[string, TensorParts, TorchFileErrorCode]>([
    ['a negative offset', { offset: -1 }, 'InvalidTensor'],
    ['a huge offset', { offset: 2n ** 64n }, 'InvalidTensor'],
    ['a negative size', { shape: [-4] }, 'InvalidTensor'],
    ['a huge size', { shape: [2n ** 63n] }, 'InvalidTensor'],
    ['a negative stride', { strides: [-1], offset: 3 }, 'InvalidTensor'],
    ['more strides than sizes', { strides: [4, 1] }, 'InvalidTensor'],
    ['65 dimensions', { shape: Array(65).fill(1), strides: Array(65).fill(1) }, 'InvalidTensor'],
    ['2^104 elements', { shape: [big, big], strides: [0, 0] }, 'InvalidTensor'],
    [
      'an overflow before a 0',
      { shape: [...Array(30).fill(big), 0], strides: Array(31).fill(0) },
      'InvalidTensor',
    ],
    ['too large a size', { shape: [5] }, 'TensorOutOfStorage'],
    ['too large an offset', { offset: 1 }, 'TensorOutOfStorage'],
    ['too large a stride', { shape: [2], strides: [4] }, 'TensorOutOfStorage'],
    ['a stride of 2^52', { shape: [2], strides: [big] }, 'TensorOutOfStorage'],
    ['a scalar after the end', { shape: [], strides: [], offset: 4 }, 'TensorOutOfStorage'],
    ['copies beyond memory', { shape: [2 ** 30], strides: [0] }, 'CopyOverflow'],
    ['copies beyond what can be', { shape: [big], strides: [0] }, 'CopyOverflow'],
    ['a negative view', { more: `\x89)}(${text('neg')}\x88u` }, 'UnsupportedTensor'],
    ['a dtype of none', { function: '_rebuild_tensor_v3', more: '\x89)N' }, 'InvalidTensor'],
    [
      'an unknown dtype',
      { function: '_rebuild_tensor_v3', more: '\x89)ctorch\nfloat4\n' },
      'UnsupportedDtype',
    ],
    [
      'a dtype that is a name of JavaScript',
      { function: '_rebuild_tensor_v3', more: '\x89)ctorch\nconstructor\n' },
      'UnsupportedDtype',
    ],
    [
      'a complex storage',
      { type: 'ctorch\nComplexFloatStorage\n', count: 2, shape: [1] },
      'UnsupportedDtype',
    ],
    [
      'numbers of a quantized storage',
      {
        type: 'ctorch\nQInt32Storage\n',
        function: '_rebuild_tensor_v3',
        more: '\x89)ctorch\nint32\n',
      },
      'UnsupportedTensor',
    ],
    ['an unknown function', { function: '_rebuild_tensor_v4' }, 'UnsupportedTensor'],
  ])('is refused for %s', (_, parts, code) => {
    expect(loadCode(fileOf(parts))).toBe(code);
  });

  it.each<[string, string, TorchFileErrorCode]>([
    ['no arguments', ')R', 'InvalidTensor'],
    ['no storage', `(N${int(0)}))\x89)tR`, 'InvalidTensor'],
    ['sizes in a list', `(${storage()}${int(0)}])\x89)tR`, 'InvalidTensor'],
    ['sizes that are no numbers', `(${storage()}${int(0)}N\x85K\x01\x85\x89)tR`, 'InvalidTensor'],
    ['an offset that is no number', `(${storage()}N))\x89)tR`, 'InvalidTensor'],
    ['an offset of 0.5', `(${storage()}G\x3f\xe0${'\0'.repeat(6)}))\x89)tR`, 'InvalidTensor'],
  ])('is refused for %s', (_, opcodes, code) => {
    const pickle = `ctorch._utils\n_rebuild_tensor_v2\n${opcodes}.`;
    expect(codeOf(() => readPickle(pickle))).toBe(code);
  });

  it('is not copied again for each name', () => {
    const strided = tensor({ shape: [2 ** 21], strides: [0] });
    const names = Array.from({ length: 50 }, (_, i) => [
      `w${i}`,
      i === 0 ? `${strided}q\x01` : 'h\x01',
    ]);
    const file = torchZip(`${dict(names as [string, string][])}.`, sixteenBytes);
    const tensors = loadTorchCheckpoint(file);
    expect(tensors.get('w49')).toBe(tensors.get('w0'));
    const many = names.map(([name]) => [name, strided] as [string, string]);
    expect(loadCode(torchZip(`${dict(many)}.`, sixteenBytes))).toBe('CopyOverflow');
  });
});

describe('a storage', () => {
  it.each<[string, StorageParts, TorchFileErrorCode]>([
    ['an unknown class', { type: 'ctorch\nFooStorage\n' }, 'InvalidStorage'],
    ['a class without a dtype', { type: 'ctorch.storage\nTypedStorage\n' }, 'InvalidStorage'],
    ['a class of another module', { type: 'cmy\nFloatStorage\n' }, 'InvalidStorage'],
    ['a class that is no name', { type: 'N' }, 'InvalidStorage'],
    ['a key that is no text', { key: 'K\x00' }, 'InvalidStorage'],
    ['no location', { location: 'N' }, 'InvalidStorage'],
    ['a negative count', { count: -1 }, 'InvalidStorage'],
    ['a count beyond 2^53', { count: 2n ** 60n }, 'InvalidStorage'],
    ['a key that the file lacks', { key: text('1') }, 'MissingStorage'],
    ['a key that is another entry', { key: text('../data.pkl') }, 'MissingStorage'],
    ['a key that is a name of JavaScript', { key: text('__proto__') }, 'MissingStorage'],
    ['more than the file has', { count: 5 }, 'TruncatedStorage'],
    ['far more than the file has', { count: 2n ** 52n }, 'TruncatedStorage'],
    ['a view without numbers', { rest: 'K\x01' }, 'InvalidStorage'],
    ['a view of −1', { rest: `(${text('1')}${int(-1)}${int(1)}t` }, 'InvalidStorage'],
    ['a view beyond it', { rest: `(${text('1')}${int(2)}${int(3)}t` }, 'TensorOutOfStorage'],
  ])('is refused for %s', (_, parts, code) => {
    expect(loadCode(fileOf(parts))).toBe(code);
  });

  it('may be described once only', () => {
    const both = (parts: StorageParts) =>
      loadCode(
        torchZip(
          `${dict([
            ['a', tensor()],
            ['b', tensor({ shape: [0], ...parts })],
          ])}.`,
          sixteenBytes,
        ),
      );
    expect(both({})).toBe('ok');
    expect(both({ count: 3 })).toBe('StorageConflict');
    expect(both({ type: 'ctorch\nIntStorage\n' })).toBe('StorageConflict');
  });

  it('may have two dtypes if it is empty', () => {
    const empty = { count: 0, shape: [0] };
    const entries = [
      ['a', tensor(empty)],
      ['b', tensor({ ...empty, type: 'ctorch\nIntStorage\n' })],
    ] as const;
    const tensors = loadTorchCheckpoint(torchZip(`${dict(entries)}.`, { '0': new Uint8Array() }));
    expect([...tensors.values()].map(({ dtype }) => dtype)).toEqual(['float32', 'int32']);
  });

  it('gives tensors of other dtypes only aligned elements', () => {
    const view = { type: untyped, count: 16, rest: `(${text('1')}${int(1)}${int(12)}t` };
    const parts = { ...view, function: '_rebuild_tensor_v3', more: '\x89)ctorch\nfloat32\n' };
    expect(loadCode(fileOf({ ...parts, shape: [2] }))).toBe('InvalidTensor');
    expect(loadCode(fileOf({ ...parts, shape: [2], strides: [0] }))).toBe('InvalidTensor');
  });
});

describe('a state dict', () => {
  const load = (pickle: string) => loadCode(torchZip(`${pickle}.`, sixteenBytes));
  const w = tensor();

  it('is found where it is', () => {
    const inner = dict([['w', w]]);
    const names = (pickle: string) => Object.keys(values(torchZip(`${pickle}.`, sixteenBytes)));
    expect(
      names(
        dict([
          ['a', w],
          ['state_dict', inner],
        ]),
      ),
    ).toEqual(['w']);
    expect(
      names(
        dict([
          ['model', dict([['a', w]])],
          ['state_dict', inner],
        ]),
      ),
    ).toEqual(['w']);
    // A weight may be called net.
    expect(names(dict([['net', w]]))).toEqual(['net']);
    expect(
      names(
        dict([
          ['module.a', w],
          ['module.b', 'N'],
        ]),
      ),
    ).toEqual(['a']);
    expect(names(dict([['module.module.a', w]]))).toEqual(['module.a']);
    const averaged = dict([
      ['n_averaged', w],
      ['module.a', w],
    ]);
    expect(names(averaged).sort()).toEqual(['a', 'n_averaged']);
  });

  it.each<[string, string, TorchFileErrorCode]>([
    ['is empty', '}', 'NoStateDict'],
    [
      'is nested too deeply',
      `${`}${text('state_dict')}`.repeat(9)}}${'s'.repeat(9)}`,
      'NoStateDict',
    ],
    ['holds itself', `}q\x01(${text('model')}h\x01u`, 'NoStateDict'],
    ['has only numbers', dict([['epoch', 'K\x01']]), 'NoStateDict'],
    [
      'has a name twice',
      dict([
        ['a', w],
        ['a', w],
      ]),
      'InvalidStateDict',
    ],
    ['has a number as a name', `}(K\x01${w}u`, 'InvalidStateDict'],
    ['has a tuple as a name', `}()${w}u`, 'InvalidStateDict'],
    [
      'has text',
      dict([
        ['w', w],
        ['a', text('b')],
      ]),
      'InvalidStateDict',
    ],
    [
      'has a list',
      dict([
        ['w', w],
        ['a', ']'],
      ]),
      'InvalidStateDict',
    ],
    [
      'has a dict',
      dict([
        ['w', w],
        ['a', '}'],
      ]),
      'InvalidStateDict',
    ],
    [
      'has a name of a class',
      dict([
        ['w', w],
        ['a', 'cos\nsystem\n'],
      ]),
      'InvalidStateDict',
    ],
    [
      'has a bare storage',
      dict([
        ['w', w],
        ['a', storage()],
      ]),
      'InvalidStateDict',
    ],
    [
      'has a call',
      dict([
        ['w', w],
        ['a', `cos\nsystem\n${text('ls')}\x85R`],
      ]),
      'InvalidStateDict',
    ],
    ['is a call', `cos\nsystem\n${text('ls')}\x85R`, 'NoStateDict'],
  ])('is refused if it %s', (_, pickle, code) => {
    expect(load(pickle)).toBe(code);
  });

  it('says what it found instead', () => {
    const message = (pickle: string) => {
      try {
        loadTorchCheckpoint(torchZip(`${pickle}.`, sixteenBytes));
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(
      message(
        dict([
          ['epoch', 'K\x01'],
          ['lr', 'K\x02'],
        ]),
      ),
    ).toContain('"epoch", "lr"');
    expect(message('cos\nsystem\n)R')).toContain('it holds a os.system and no state dict');
    expect(
      message(
        dict([
          ['w', w],
          ['a', text('b')],
        ]),
      ),
    ).toContain('"a" is a str, not a tensor');
  });
});

describe('a file of the format before 1.6', () => {
  const magic = `\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.`;
  const data = littleEndian(4, 8) + String.fromCharCode(...sixteenBytes['0']!);
  interface Parts {
    version?: string;
    info?: string;
    object?: string;
    keys?: string;
    data?: string;
  }
  const file = ({
    version = int(1001),
    info = '}',
    object = dict([['w', tensor()]]),
    keys = `]${text('0')}a`,
    ...parts
  }: Parts = {}) => latin1(`${magic}${version}.${info}.${object}.${keys}.${parts.data ?? data}`);

  it('is read', () => {
    expect(values(file())).toEqual({ w: [1, 2, 3, 4] });
    expect(values(file({ data: `${data}more` }))).toEqual({ w: [1, 2, 3, 4] });
    expect(values(file({ info: `}${text('little_endian')}\x89s` }))).toEqual({ w: [1, 2, 3, 4] });
  });

  it.each<[string, Parts, TorchFileErrorCode]>([
    ['another version', { version: int(1002) }, 'InvalidLegacyFile'],
    ['no list of storages', { keys: '}' }, 'InvalidLegacyFile'],
    ['a key that is no text', { keys: ']K\x00a' }, 'InvalidLegacyFile'],
    ['an unknown storage', { keys: `](${text('0')}${text('1')}e` }, 'InvalidLegacyFile'],
    ['a storage twice', { keys: `](${text('0')}${text('0')}e` }, 'InvalidLegacyFile'],
    ['a storage that is not listed', { keys: ']' }, 'MissingStorage'],
    ['no bytes', { data: '' }, 'TruncatedStorage'],
    ['half a count', { data: data.slice(0, 7) }, 'TruncatedStorage'],
    ['a byte too few', { data: data.slice(0, -1) }, 'TruncatedStorage'],
    ['another count', { data: littleEndian(3, 8) + data.slice(8) }, 'StorageConflict'],
    ['a negative count', { data: littleEndian(-1, 8) + data.slice(8) }, 'StorageConflict'],
    [
      'a huge count',
      {
        object: dict([['w', tensor({ count: 2n ** 52n })]]),
        data: littleEndian(2n ** 52n, 8) + data.slice(8),
      },
      'TruncatedStorage',
    ],
  ])('is refused for %s', (_, parts, code) => {
    expect(loadCode(file(parts))).toBe(code);
  });
});
