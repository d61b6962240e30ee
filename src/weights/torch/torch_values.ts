import { bytesPerElement, type Dtype } from '../state_dict.js';

/**
 * A Python value from a file. Lists are arrays, `str` and `int` are strings and numbers (bigint
 * beyond 2^53), `bytes` and `bytearray` are Uint8Array. Values may be shared, or hold themselves.
 */
export type TorchValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | TorchValue[]
  | TorchTuple
  | TorchSet
  | TorchDict
  | TorchGlobal
  | TorchObject
  | TorchStorage
  | TorchTensor;

/** A `tuple` or `torch.Size`. */
export interface TorchTuple {
  kind: 'tuple';
  /** In their order. */
  readonly items: readonly TorchValue[];
}

/** A `set` or `frozenset`. */
export interface TorchSet {
  kind: 'set';
  /** In the order of the file. */
  items: TorchValue[];
}

/**
 * A `dict`. Entries are in the order of the file and are not hashed, so no key can be too clever.
 * Of entries with the same key, which no usual file has, the last is the one that Python keeps.
 */
export interface TorchDict {
  kind: 'dict';
  /** Python's class. */
  type: 'dict' | 'OrderedDict' | 'defaultdict';
  /** Keys and values. */
  entries: [TorchValue, TorchValue][];
  /** Attributes, as the `_metadata` that PyTorch sets on a state dict. */
  state?: TorchValue;
}

/** A class, a function or another thing with a name, such as `torch.float32`. */
export interface TorchGlobal {
  kind: 'global';
  /** Such as `torch`. */
  module: string;
  /** Such as `float32`. */
  name: string;
}

/**
 * What Python would have got by calling `module.name` with `args`. Nothing is called here: this
 * tells what the file asked for.
 */
export interface TorchObject {
  kind: 'object';
  /** Empty if what would be called is not a name but a result: then `args[0]` is that. */
  module: string;
  /** Of the class or function within the module. */
  name: string;
  /** Positional arguments. */
  args: readonly TorchValue[];
  /** Named arguments, a dict. */
  namedArgs?: TorchValue;
  /** What `__setstate__` would get: most often a dict of attributes. */
  state?: TorchValue;
  /** Elements added to it, if it is a kind of list or set. */
  items?: TorchValue[];
  /** Entries set on it, if it is a kind of dict. */
  entries?: [TorchValue, TorchValue][];
}

/** A block of memory of which tensors are parts. */
export interface TorchStorage {
  kind: 'storage';
  /** Its name in the file. */
  key: string;
  /** PyTorch's name, for example `float32`; also of dtypes that cannot be loaded. */
  dtype: string;
  /** In elements. */
  count: number;
  /** In elements: where it begins in the block of this key. Not 0 only for views in old files. */
  begin: number;
  /** The device that it was on, for example `cuda:0`. */
  location: string;
}

/** A tensor, by reference to its storage. */
export interface TorchTensor {
  kind: 'tensor';
  /** PyTorch's name, for example `float32`; also of dtypes that cannot be loaded. */
  dtype: string;
  /** Sizes, none for a scalar. */
  readonly shape: readonly number[];
  /** In elements, of each dimension. */
  readonly strides: readonly number[];
  /** In elements, into its storage. */
  offset: number;
  /** Where its numbers are. */
  storage: TorchStorage;
  /** Set if its numbers are not what the storage holds: a conjugate or negative view. */
  lazy?: boolean;
}

/** PyTorch's storage classes by their names without `Storage`, and the dtype of each. */
const dtypeByStorage = new Map([
  ['Double', 'float64'],
  ['Float', 'float32'],
  ['Half', 'float16'],
  ['BFloat16', 'bfloat16'],
  ['Long', 'int64'],
  ['Int', 'int32'],
  ['Short', 'int16'],
  ['Char', 'int8'],
  ['Byte', 'uint8'],
  ['Bool', 'bool'],
  ['Untyped', 'uint8'],
  ['_Untyped', 'uint8'],
  ['ComplexFloat', 'complex64'],
  ['ComplexDouble', 'complex128'],
  ['QUInt8', 'quint8'],
  ['QInt8', 'qint8'],
  ['QInt32', 'qint32'],
  ['QUInt4x2', 'quint4x2'],
  ['QUInt2x4', 'quint2x4'],
]);
const storageModules = new Set(['torch', 'torch.cuda', 'torch.storage']);

/** Bytes per element of what storages may be but tensors of a state dict may not. */
const otherBytes = new Map([
  ['complex64', 8],
  ['complex128', 16],
  ['quint8', 1],
  ['qint8', 1],
  ['qint32', 4],
  ['quint4x2', 1],
  ['quint2x4', 1],
]);

/** @returns the dtype of a storage class, or undefined if it is none. */
export function dtypeOfStorageClass({ module, name }: TorchGlobal): string | undefined {
  if (!storageModules.has(module) || !name.endsWith('Storage')) return undefined;
  return dtypeByStorage.get(name.slice(0, -'Storage'.length));
}

/** @returns undefined for dtypes that no storage class has, such as float8. */
export function bytesOfDtype(dtype: string): number | undefined {
  return isSupportedDtype(dtype) ? bytesPerElement[dtype] : otherBytes.get(dtype);
}

export function isSupportedDtype(dtype: string): dtype is Dtype {
  return Object.hasOwn(bytesPerElement, dtype);
}

type Kind = Exclude<
  TorchValue,
  null | boolean | number | bigint | string | Uint8Array | TorchValue[]
>['kind'];

/** Narrows a value to a kind, such as `tensor`. */
export function isKind<K extends Kind>(
  value: TorchValue | undefined,
  kind: K,
): value is Extract<TorchValue, { kind: K }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}

/** @returns the value of a key of text, the last if there are several. */
export function entryOf(
  entries: readonly [TorchValue, TorchValue][],
  name: string,
): TorchValue | undefined {
  for (let i = entries.length - 1; i >= 0; i--) {
    if (entries[i]![0] === name) return entries[i]![1];
  }
  return undefined;
}

/** What a value is, in Python's words, for messages. */
export function describe(value: TorchValue): string {
  if (value === null) return 'None';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Uint8Array) return 'bytes';
  if (typeof value !== 'object') return typeof value === 'string' ? 'a str' : 'a number';
  switch (value.kind) {
    case 'dict':
      return `a ${value.type}`;
    case 'object':
      return `a ${[value.module, value.name].filter(Boolean).join('.').slice(0, 80)}`;
    case 'global':
      return `the name ${value.module}.${value.name}`.slice(0, 80);
    default:
      return `a ${value.kind}`;
  }
}
