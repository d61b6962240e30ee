import { aligned } from '../state_dict.js';
import { unpickle } from './pickle.js';
import type { OpenTorchFile } from './tensor_data.js';
import { quoted, TorchFileError } from './torch_file_error.js';
import { TorchObjects } from './torch_objects.js';
import { bytesOfDtype, type TorchStorage, type TorchValue } from './torch_values.js';

const magicNumber = 0x1950a86a20f9469cfc6cn;
const protocolVersion = 1001;
const countBytes = 8;

/**
 * Opens PyTorch's format from before 1.6: pickles of a magic number, a version, facts on the
 * machine, the object and the keys of its storages, then for each of these a count and its bytes.
 *
 * Numbers are little-endian whatever the facts on the machine say: PyTorch has always swapped them
 * while writing. What follows the last storage is ignored, as PyTorch does.
 *
 * @throws TorchFileError
 */
export function openLegacyFile(bytes: Uint8Array): OpenTorchFile {
  const objects = new TorchObjects(bytes.length);
  let position = 0;
  const next = () => {
    const { value, end } = unpickle(bytes, position, objects);
    position = end;
    return value;
  };
  if (next() !== magicNumber) {
    throw new TorchFileError('NotTorchFile', 'it is a pickle, but not one of torch.save');
  }
  const version = next();
  if (version !== protocolVersion) {
    throw new TorchFileError('InvalidLegacyFile', `its version is not ${protocolVersion}`);
  }
  next();
  const value = next();
  const keys = readKeys(next(), objects.storages);
  const storages = findStorages(bytes, position, keys, objects.storages);
  return {
    value,
    // Copied once for a storage and not for each of its tensors, which may be many.
    bytesOf: (wanted) => new Map([...wanted].map((key) => [key, aligned(storages.get(key)!, 8)])),
  };
}

function readKeys(value: TorchValue, known: ReadonlyMap<string, TorchStorage>): string[] {
  if (!Array.isArray(value)) throw damaged('there is no list of storages');
  const keys = new Set<string>();
  for (const key of value) {
    if (typeof key !== 'string') throw damaged('a key of a storage is no text');
    if (!known.has(key)) throw damaged(`no tensor has storage ${quoted(key)}`);
    if (keys.has(key)) throw damaged(`storage ${quoted(key)} occurs twice`);
    keys.add(key);
  }
  for (const key of known.keys()) {
    if (!keys.has(key)) {
      throw new TorchFileError('MissingStorage', `storage ${quoted(key)} is not in the file`);
    }
  }
  return [...keys];
}

/** @returns views of the file, at any alignment. */
function findStorages(
  bytes: Uint8Array,
  begin: number,
  keys: readonly string[],
  known: ReadonlyMap<string, TorchStorage>,
): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const storages = new Map<string, Uint8Array>();
  let position = begin;
  for (const key of keys) {
    if (bytes.length - position < countBytes) throw truncated(key);
    const count = Number(view.getBigInt64(position, true));
    position += countBytes;
    const storage = known.get(key)!;
    if (count !== storage.count) {
      throw new TorchFileError(
        'StorageConflict',
        `storage ${quoted(key)} has ${count} elements but its tensors say ${storage.count}`,
      );
    }
    const length = count * bytesOfDtype(storage.dtype)!;
    if (length > bytes.length - position) throw truncated(key);
    storages.set(key, bytes.subarray(position, position + length));
    position += length;
  }
  return storages;
}

function truncated(key: string): TorchFileError {
  return new TorchFileError('TruncatedStorage', `the file ends within storage ${quoted(key)}`);
}

function damaged(message: string): TorchFileError {
  return new TorchFileError('InvalidLegacyFile', message);
}
