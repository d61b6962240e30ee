import { unpickle } from './pickle.js';
import type { OpenTorchFile, StorageBytes } from './tensor_data.js';
import { quoted, TorchFileError } from './torch_file_error.js';
import { TorchObjects } from './torch_objects.js';
import { bytesOfDtype, type TorchStorage } from './torch_values.js';
import { ZipArchive } from './zip_archive.js';

const pickleName = 'data.pkl';
const byteOrderName = 'byteorder';
const maxPickleBytes = 2 ** 28;

/**
 * Opens PyTorch's format since 1.6: a zip archive of a pickle, `data.pkl`, and a file for each
 * storage, `data/0` and so on, under a folder of any name.
 *
 * @throws TorchFileError
 */
export function openZipFile(bytes: Uint8Array): OpenTorchFile {
  const archive = new ZipArchive(bytes);
  checkContents(archive);
  const pickle = extractOne(archive, pickleName);
  const objects = new TorchObjects(pickle.length);
  const { value } = unpickle(pickle, 0, objects);
  const { storages } = objects;
  for (const storage of storages.values()) checkStorage(archive, storage);
  const swap = readByteOrder(archive) === 'big';
  return { value, bytesOf: (keys) => extractStorages(archive, keys, swap ? storages : undefined) };
}

function checkContents(archive: ZipArchive): void {
  if (archive.sizes.has('constants.pkl')) {
    throw new TorchFileError(
      'TorchScript',
      'it is a TorchScript program; open it in PyTorch with torch.jit.load and save its ' +
        'state_dict() with torch.save',
    );
  }
  archive.checkStored();
  const size = archive.sizes.get(pickleName);
  if (size === undefined) {
    throw new TorchFileError('MissingPickle', 'the archive has no data.pkl: it is not of PyTorch');
  }
  if (size > maxPickleBytes) {
    throw new TorchFileError('PickleOverflow', `the pickle has ${size} bytes`);
  }
}

function extractOne(archive: ZipArchive, name: string): Uint8Array {
  return archive.extract(new Set([name])).get(name)!;
}

function readByteOrder(archive: ZipArchive): 'little' | 'big' {
  // PyTorch before 2.1 did not say, and was hardly ever used where it is not little.
  if (!archive.sizes.has(byteOrderName)) return 'little';
  const order = String.fromCharCode(...extractOne(archive, byteOrderName).subarray(0, 8));
  if (order === 'little' || order === 'big') return order;
  throw new TorchFileError('InvalidByteOrder', `its byte order is ${quoted(order)}`);
}

function storageName(key: string): string {
  return `data/${key}`;
}

function checkStorage(archive: ZipArchive, { key, dtype, count }: TorchStorage): void {
  const size = archive.sizes.get(storageName(key));
  if (size === undefined) {
    throw new TorchFileError('MissingStorage', `storage ${quoted(key)} is not in the file`);
  }
  if (size < count * bytesOfDtype(dtype)!) {
    throw new TorchFileError(
      'TruncatedStorage',
      `storage ${quoted(key)} has ${size} bytes, too few for ${count} ${dtype}`,
    );
  }
}

/** @param swapped storages of a file whose numbers are big-endian. */
function extractStorages(
  archive: ZipArchive,
  keys: ReadonlySet<string>,
  swapped?: ReadonlyMap<string, TorchStorage>,
): StorageBytes {
  const extracted = archive.extract(new Set([...keys].map(storageName)));
  const storages = new Map<string, Uint8Array>();
  for (const key of keys) {
    const bytes = extracted.get(storageName(key))!;
    if (swapped) swapBytes(bytes, bytesOfDtype(swapped.get(key)!.dtype)!);
    storages.set(key, bytes);
  }
  return storages;
}

function swapBytes(bytes: Uint8Array, itemBytes: number): void {
  if (itemBytes === 1) return;
  for (let begin = 0; begin + itemBytes <= bytes.length; begin += itemBytes) {
    bytes.subarray(begin, begin + itemBytes).reverse();
  }
}
