import { gatherElements } from '../gather.js';
import {
  bytesPerElement,
  type Dtype,
  elementCount,
  type StateTensor,
  tensorFromBytes,
} from '../state_dict.js';
import { TorchFileError } from './torch_file_error.js';
import { isSupportedDtype, type TorchTensor, type TorchValue } from './torch_values.js';

/** Bytes of storages by key, little-endian and aligned to 8. */
export type StorageBytes = ReadonlyMap<string, Uint8Array>;

/** A file whose pickle is read and whose storages are all there, but not yet read. */
export interface OpenTorchFile {
  value: TorchValue;
  /**
   * @param keys of storages whose dtypes `checkSupported` lets pass.
   * @throws TorchFileError
   */
  bytesOf(keys: ReadonlySet<string>): StorageBytes;
}

/** @throws TorchFileError if this library cannot hold what the tensor is. */
export function checkSupported(name: string, { dtype, storage, lazy }: TorchTensor): void {
  if (!isSupportedDtype(dtype)) {
    throw new TorchFileError(
      'UnsupportedDtype',
      `tensor ${name} is ${dtype}: supported are ${Object.keys(bytesPerElement).join(', ')}`,
    );
  }
  if (lazy) {
    throw new TorchFileError('UnsupportedTensor', `tensor ${name} is a conjugate or negative view`);
  }
  if (!isSupportedDtype(storage.dtype)) {
    throw new TorchFileError(
      'UnsupportedTensor',
      `tensor ${name} views ${storage.dtype} as others`,
    );
  }
}

/**
 * Gives tensors their elements: as views of their storages where these are in row-major order, and
 * else as copies, which together may take so many bytes.
 */
export class TensorData {
  private readonly known = new Map<TorchTensor, StateTensor>();

  constructor(
    private readonly storages: StorageBytes,
    private bytesToCopy: number,
  ) {}

  /** @param tensor one that `checkSupported` lets pass, within its storage. */
  read(tensor: TorchTensor): StateTensor {
    const known = this.known.get(tensor);
    if (known !== undefined) return known;
    const read = this.make(tensor, tensor.dtype as Dtype);
    this.known.set(tensor, read);
    return read;
  }

  private make(tensor: TorchTensor, dtype: Dtype): StateTensor {
    const { shape, strides, offset, storage } = tensor;
    const itemBytes = bytesPerElement[dtype];
    const count = elementCount(shape);
    if (count === 0) return tensorFromBytes(dtype, shape, new Uint8Array(0));
    const viewBegin = storage.begin * bytesPerElement[storage.dtype as Dtype];
    const begin = viewBegin + offset * itemBytes;
    if (begin % itemBytes !== 0) {
      throw new TorchFileError('InvalidTensor', `a ${dtype} tensor begins at byte ${begin}`);
    }
    const bytes = this.storages.get(storage.key)!.subarray(begin);
    if (isRowMajor(shape, strides)) {
      return tensorFromBytes(dtype, shape, bytes.subarray(0, count * itemBytes));
    }
    this.bytesToCopy -= count * itemBytes;
    if (this.bytesToCopy < 0) {
      throw new TorchFileError(
        'CopyOverflow',
        `a tensor [${shape}] of strides [${strides}] would take far more memory than the file`,
      );
    }
    return tensorFromBytes(dtype, shape, gather(bytes, itemBytes, shape, strides));
  }
}

/** Whether elements follow one another; the stride of a dimension of size 1 does not matter. */
function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== expected) return false;
    expected *= shape[i]!;
  }
  return true;
}

/** Copies elements, whatever they mean, into row-major order. `bytes` are aligned to them. */
function gather(
  bytes: Uint8Array,
  itemBytes: number,
  shape: readonly number[],
  strides: readonly number[],
): Uint8Array {
  const target = new Uint8Array(elementCount(shape) * itemBytes);
  switch (itemBytes) {
    case 1:
      gatherElements(bytes, target, shape, strides);
      break;
    case 2:
      gatherElements(words(bytes, Uint16Array), words(target, Uint16Array), shape, strides);
      break;
    case 4:
      gatherElements(words(bytes, Uint32Array), words(target, Uint32Array), shape, strides);
      break;
    default:
      // Two halves each: neither a bigint nor a float64, which might lose the bits of a NaN.
      gatherElements(
        words(bytes, Uint32Array),
        words(target, Uint32Array),
        [...shape, 2],
        [...strides.map((stride) => stride * 2), 1],
      );
  }
  return target;
}

interface WordArray<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

function words<T>(bytes: Uint8Array, type: WordArray<T>): T {
  const length = Math.floor(bytes.length / type.BYTES_PER_ELEMENT);
  return new type(bytes.buffer, bytes.byteOffset, length);
}
