import { BtnError } from '../../ops/errors.js';

/** What is wrong with a PyTorch file, by the check that found it. */
export type TorchFileErrorCode =
  /** Neither of PyTorch's two formats: another format, or no checkpoint at all. */
  | 'NotTorchFile'
  /** The tar format of the first PyTorch versions. */
  | 'TarFile'
  /** A TorchScript program, written by `torch.jit.save`. */
  | 'TorchScript'
  /** The zip archive's directory is damaged. */
  | 'InvalidZip'
  /** The archive's directory lists more entries than can be, or more bytes than the file has. */
  | 'ZipOverflow'
  /** Two entries of the archive have the same name. */
  | 'DuplicateEntry'
  /** An entry is compressed, as PyTorch's never are. */
  | 'CompressedEntry'
  /** The archive has no `data.pkl`. */
  | 'MissingPickle'
  /** The `byteorder` entry is neither `little` nor `big`. */
  | 'InvalidByteOrder'
  /** The older format's header, or its list of storages, is damaged. */
  | 'InvalidLegacyFile'
  /** The pickle ends before its STOP. */
  | 'TruncatedPickle'
  /** The pickle is damaged: a stack that underflows, a value of the wrong kind, text not UTF-8. */
  | 'InvalidPickle'
  /** The pickle has an opcode or a protocol that `torch.save` does not write. */
  | 'UnsupportedPickle'
  /** The pickle is longer, or has longer numbers or more opcodes, than any checkpoint needs. */
  | 'PickleOverflow'
  /** A storage is not described as PyTorch does. */
  | 'InvalidStorage'
  /** Two descriptions of one storage differ. */
  | 'StorageConflict'
  /** The file lacks a storage that it describes. */
  | 'MissingStorage'
  /** The file has fewer bytes of a storage than it describes. */
  | 'TruncatedStorage'
  /** A tensor is not described as PyTorch does: a negative size, strides that do not fit. */
  | 'InvalidTensor'
  /** A tensor reaches beyond its storage. */
  | 'TensorOutOfStorage'
  /** A tensor of the state dict has a dtype that this library does not hold. */
  | 'UnsupportedDtype'
  /** A tensor of the state dict is sparse, quantized or otherwise more than numbers in a storage. */
  | 'UnsupportedTensor'
  /** Strided tensors that share storages would take far more memory than the file. */
  | 'CopyOverflow'
  /** The file holds a whole `nn.Module`, whose class would have to be run. */
  | 'WholeModule'
  /** The file holds no state dict. */
  | 'NoStateDict'
  /** The state dict has a name that is no text or occurs twice, or a value that is no tensor. */
  | 'InvalidStateDict';

/**
 * A PyTorch file that cannot be read.
 *
 * @example
 * try {
 *   loadTorchCheckpoint(new TextEncoder().encode('<html>'));
 * } catch (error) {
 *   if (error instanceof TorchFileError) console.log(error.code, error.message);
 *   // NotTorchFile PyTorch file: it is a web page, not the file that was to be downloaded
 * }
 */
export class TorchFileError extends BtnError<TorchFileErrorCode> {
  override name = 'TorchFileError';

  constructor(code: TorchFileErrorCode, message: string) {
    super(code, `PyTorch file: ${message}`);
  }
}

const quotedCharacters = 80;

/** Text from a file, as an error's message may show it. */
export function quoted(text: string): string {
  const shown = text.length > quotedCharacters ? `${text.slice(0, quotedCharacters)}…` : text;
  return JSON.stringify(shown);
}
