import type { PickleHandler } from './pickle.js';
import { quoted, TorchFileError } from './torch_file_error.js';
import {
  bytesOfDtype,
  dtypeOfStorageClass,
  isKind,
  type TorchDict,
  type TorchGlobal,
  type TorchObject,
  type TorchStorage,
  type TorchTensor,
  type TorchTuple,
  type TorchValue,
} from './torch_values.js';

type Rebuild = (args: readonly TorchValue[], objects: TorchObjects) => TorchValue | undefined;

const maxDimensions = 64;
const maxKeyLength = 1024;

/**
 * Gives a meaning to a fixed table of PyTorch's own names. All others, whatever they are, stay
 * records of what the file asked for.
 */
export class TorchObjects implements PickleHandler {
  /** Every storage that the pickle has mentioned, whole, by key. */
  readonly storages = new Map<string, TorchStorage>();
  private copied = 0;

  /** @param maxCopied how many list elements may be copied: those of the file, once. */
  constructor(private readonly maxCopied: number) {}

  construct(
    callee: TorchValue,
    args: readonly TorchValue[],
    namedArgs: TorchValue | undefined,
  ): TorchValue {
    if (!isKind(callee, 'global')) {
      return inert({ module: '', name: '' }, [callee, { kind: 'tuple', items: args }], namedArgs);
    }
    const rebuild = table.get(`${callee.module}.${callee.name}`);
    return rebuild?.(args, this) ?? inert(callee, args, namedArgs);
  }

  load(id: TorchValue): TorchValue {
    const items = isKind(id, 'tuple') ? id.items : [];
    // Old files hold a module's source code beside its class.
    if (items[0] === 'module' && items.length >= 2) return items[1]!;
    if (items[0] !== 'storage') throw invalidStorage('it is not described by a tuple');
    const whole = this.addStorage(readStorage(items));
    return readView(whole, items[5] ?? null);
  }

  private addStorage(storage: TorchStorage): TorchStorage {
    const known = this.storages.get(storage.key);
    if (known === undefined) {
      this.storages.set(storage.key, storage);
      return storage;
    }
    const same = known.dtype === storage.dtype && known.count === storage.count;
    // Without bytes there is nothing to disagree on, and PyTorch writes such.
    if (!same && known.count + storage.count > 0) {
      throw new TorchFileError(
        'StorageConflict',
        `storage ${quoted(storage.key)} is ${known.count} ${known.dtype} in one place and ` +
          `${storage.count} ${storage.dtype} in another`,
      );
    }
    return same ? known : storage;
  }

  /** Lets a list be copied unless the file makes much of little by naming one list many times. */
  chargeCopy(length: number): void {
    this.copied += length;
    if (this.copied > this.maxCopied) {
      throw new TorchFileError('PickleOverflow', 'the pickle copies a list again and again');
    }
  }
}

/** The table: what is not in it is never interpreted. */
const table: ReadonlyMap<string, Rebuild> = new Map<string, Rebuild>([
  ['collections.OrderedDict', rebuildOrderedDict],
  ['collections.defaultdict', (args) => rebuildDict(args.length <= 1, 'defaultdict')],
  ['torch.Size', rebuildSize],
  ['torch._utils._rebuild_tensor', ([storage, ...rest]) => rebuildTensor(storage, rest)],
  [
    'torch._utils._rebuild_tensor_v2',
    ([storage, offset, size, stride, , , metadata]) =>
      rebuildTensor(storage, [offset, size, stride], { metadata }),
  ],
  [
    'torch._utils._rebuild_tensor_v3',
    ([storage, offset, size, stride, , , dtype, metadata]) =>
      rebuildTensor(storage, [offset, size, stride], { metadata, dtype: readDtype(dtype) }),
  ],
  ['torch._utils._rebuild_parameter', rebuildParameter],
  ['torch._utils._rebuild_parameter_with_state', rebuildParameter],
  ['torch._tensor._rebuild_from_type', rebuildFromType],
  ['torch._tensor._rebuild_from_type_v2', rebuildFromType],
  // The module's name before PyTorch 1.9.
  ['torch.tensor._rebuild_from_type', rebuildFromType],
  ['torch.tensor._rebuild_from_type_v2', rebuildFromType],
]);

function inert(
  { module, name }: Pick<TorchGlobal, 'module' | 'name'>,
  args: readonly TorchValue[],
  namedArgs: TorchValue | undefined,
): TorchObject {
  const object: TorchObject = { kind: 'object', module, name, args };
  if (namedArgs !== undefined) object.namedArgs = namedArgs;
  return object;
}

function rebuildDict(isKnown: boolean, type: TorchDict['type']): TorchDict | undefined {
  return isKnown ? { kind: 'dict', type, entries: [] } : undefined;
}

/** Called with nothing by Python 3 and with a list of pairs by Python 2. */
function rebuildOrderedDict(
  args: readonly TorchValue[],
  objects: TorchObjects,
): TorchDict | undefined {
  const dict = rebuildDict(args.length <= 1, 'OrderedDict');
  const pairs = args[0] ?? [];
  if (dict === undefined || !Array.isArray(pairs)) return undefined;
  objects.chargeCopy(pairs.length);
  for (const item of pairs) {
    const pair = isKind(item, 'tuple') ? item.items : item;
    if (!Array.isArray(pair) || pair.length !== 2) return undefined;
    dict.entries.push([pair[0], pair[1]]);
  }
  return dict;
}

function rebuildSize([size]: readonly TorchValue[]): TorchTuple | undefined {
  return isKind(size, 'tuple') ? size : undefined;
}

function rebuildParameter([data]: readonly TorchValue[]): TorchTensor | undefined {
  return isKind(data, 'tensor') ? data : undefined;
}

/** A subclass of tensor: a function of this table, the class, arguments and attributes. */
function rebuildFromType(
  [callee, , args]: readonly TorchValue[],
  objects: TorchObjects,
): TorchTensor | undefined {
  if (!isKind(callee, 'global') || !isKind(args, 'tuple')) return undefined;
  const rebuild = table.get(`${callee.module}.${callee.name}`);
  if (rebuild === undefined || rebuild === rebuildFromType) return undefined;
  const tensor = rebuild(args.items, objects);
  return isKind(tensor, 'tensor') ? tensor : undefined;
}

/** @returns the dtype of a name such as `torch.float32`, whether or not it is known here. */
function readDtype(value: TorchValue | undefined): string {
  if (isKind(value, 'global') && value.module === 'torch') return value.name;
  throw invalidTensor('its dtype is not one of PyTorch');
}

type Arguments = readonly (TorchValue | undefined)[];

function rebuildTensor(
  storage: TorchValue | undefined,
  [offset, size, stride]: Arguments,
  { dtype, metadata }: { dtype?: string; metadata?: TorchValue | undefined } = {},
): TorchTensor {
  if (!isKind(storage, 'storage')) throw invalidTensor('it has no storage');
  if (!isCount(offset)) throw invalidTensor('its offset is no count');
  const shape = readCounts(size);
  const strides = readCounts(stride);
  if (shape.length !== strides.length) throw invalidTensor('its strides do not fit its sizes');
  const tensor: TorchTensor = {
    kind: 'tensor',
    dtype: dtype ?? storage.dtype,
    shape,
    strides,
    offset,
    storage,
  };
  checkExtent(tensor);
  if (isKind(metadata, 'dict') && metadata.entries.length > 0) tensor.lazy = true;
  return tensor;
}

function readCounts(value: TorchValue | undefined): readonly number[] {
  const items = isKind(value, 'tuple') ? value.items : undefined;
  if (items === undefined || !items.every(isCount)) {
    throw invalidTensor('its sizes or strides are not a tuple of counts');
  }
  if (items.length > maxDimensions) throw invalidTensor(`it has ${items.length} dimensions`);
  return items;
}

function isCount(value: TorchValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** A tensor's last element must lie within its storage. */
function checkExtent({ dtype, shape, strides, offset, storage }: TorchTensor): void {
  let count = 1;
  let last = offset;
  shape.forEach((size, i) => {
    count *= size;
    last += Math.max(size - 1, 0) * strides[i]!;
  });
  const bytes = bytesOfDtype(dtype);
  if (count === 0 || bytes === undefined) return;
  if (!Number.isSafeInteger(count)) throw invalidTensor(`it has more than 2^53 elements`);
  const available = storage.count * (bytesOfDtype(storage.dtype) ?? 0);
  if ((last + 1) * bytes > available) {
    throw new TorchFileError(
      'TensorOutOfStorage',
      `a tensor [${shape}] of strides [${strides}] at ${offset} reaches beyond the ` +
        `${storage.count} elements of storage ${quoted(storage.key)}`,
    );
  }
}

function readStorage(items: readonly TorchValue[]): TorchStorage {
  const [, type, key, location, count] = items;
  const dtype = isKind(type, 'global') ? dtypeOfStorageClass(type) : undefined;
  if (dtype === undefined) throw invalidStorage('its class is none of PyTorch');
  if (typeof key !== 'string' || key.length > maxKeyLength) throw invalidStorage('it has no key');
  if (typeof location !== 'string') throw invalidStorage('it has no location');
  if (!isCount(count)) throw invalidStorage('its number of elements is no count');
  return { kind: 'storage', key, dtype, count, begin: 0, location };
}

/** @param metadata null, or in old files a key of the view's own, where it begins and its size. */
function readView(whole: TorchStorage, metadata: TorchValue): TorchStorage {
  if (metadata === null) return whole;
  const [, begin, count] = isKind(metadata, 'tuple') ? metadata.items : [];
  if (!isCount(begin) || !isCount(count)) throw invalidStorage('its view is not described');
  if (begin + count > whole.count) {
    throw new TorchFileError(
      'TensorOutOfStorage',
      `a view of ${begin}…${begin + count} reaches beyond the ${whole.count} elements of ` +
        `storage ${quoted(whole.key)}`,
    );
  }
  return { ...whole, begin, count };
}

function invalidTensor(message: string): TorchFileError {
  return new TorchFileError('InvalidTensor', `a tensor is not as PyTorch writes it: ${message}`);
}

function invalidStorage(message: string): TorchFileError {
  return new TorchFileError('InvalidStorage', `a storage is not as PyTorch writes it: ${message}`);
}
