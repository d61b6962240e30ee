import { openLegacyFile } from './legacy_file.js';
import type { OpenTorchFile } from './tensor_data.js';
import { TorchFileError } from './torch_file_error.js';
import type { TorchValue } from './torch_values.js';
import { openZipFile } from './zip_file.js';

const protocolOpcode = 0x80;
const tarMarkBegin = 257;

/**
 * Reads the whole object that a file of `torch.save` holds, and runs nothing: tensors are
 * references to storages, and instances of classes are records of what the file says of them.
 *
 * This is for looking at a file, such as one in which `loadTorchCheckpoint` finds no state dict.
 *
 * Formats: https://github.com/pytorch/pytorch/blob/main/torch/serialization.py
 *
 * @throws TorchFileError, whose `code` tells the check that failed, for any other file.
 *
 * @example
 * const checkpoint = readTorchFile(await readFile('checkpoint.pth')) as TorchDict;
 * const keys = checkpoint.entries.map(([key]) => key);
 * console.log(keys.slice(0, 4)); // [ 'epoch', 'state_dict', 'best_acc', 'optimizer' ]
 */
export function readTorchFile(bytes: Uint8Array): TorchValue {
  return openTorchFile(bytes).value;
}

/** @throws TorchFileError */
export function openTorchFile(file: Uint8Array): OpenTorchFile {
  // Node's Buffer is a Uint8Array whose `slice` does not copy.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.length);
  if (hasText(bytes, 0, 'PK\x03\x04')) return openZipFile(bytes);
  if (hasText(bytes, tarMarkBegin, 'ustar')) {
    throw new TorchFileError(
      'TarFile',
      'it is a tar archive, as the first PyTorch versions wrote; open it with torch.load and save ' +
        'what that gives with torch.save',
    );
  }
  if (bytes[0] === protocolOpcode) return openLegacyFile(bytes);
  throw new TorchFileError('NotTorchFile', otherFormat(bytes));
}

function otherFormat(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'it is empty';
  if (hasText(bytes, 1, 'HDF')) return 'it is an HDF5 file, as of Keras';
  if (hasText(bytes, 0, '\x1f\x8b')) return 'it is compressed by gzip; unpack it first';
  if (hasText(bytes, 8, '{')) return 'it is a safetensors file, which readSafetensors reads';
  if (hasText(bytes, 0, 'version https://git-lfs')) {
    return 'it is a pointer of Git LFS to the file, not the file';
  }
  if (hasText(bytes, 0, '<')) return 'it is a web page, not the file that was to be downloaded';
  return 'it is not of torch.save: it begins neither as a zip archive nor as a pickle';
}

function hasText(bytes: Uint8Array, begin: number, text: string): boolean {
  return [...text].every((character, i) => bytes[begin + i] === character.charCodeAt(0));
}
