import { type UnzipFileInfo, unzipSync } from 'fflate';
import { quoted, TorchFileError } from './torch_file_error.js';

/** The fewest bytes that an archive's directory spends on an entry. */
const minEntryBytes = 46;
const maxEntries = 2 ** 20;

/**
 * A zip archive, as PyTorch writes it: entries under one top folder, none compressed.
 *
 * Sizes are checked before anything is extracted: entries that are not compressed and together not
 * larger than the file can be no bomb. Checksums are not checked, as PyTorch does not.
 */
export class ZipArchive {
  /** Sizes of entries in bytes, by name without the top folder. */
  readonly sizes = new Map<string, number>();
  private readonly compressed = new Set<string>();
  private topFolder = '';

  /** @throws TorchFileError */
  constructor(private readonly bytes: Uint8Array) {
    const entries = listEntries(bytes);
    this.topFolder = entries[0]?.name.match(/^[^/]*\//)?.[0] ?? '';
    for (const entry of entries) this.addEntry(entry);
  }

  private addEntry({ name, originalSize, compression }: UnzipFileInfo): void {
    if (!name.startsWith(this.topFolder)) return;
    const inner = name.slice(this.topFolder.length);
    if (this.sizes.has(inner)) {
      throw new TorchFileError('DuplicateEntry', `the archive has ${quoted(name)} twice`);
    }
    this.sizes.set(inner, originalSize);
    if (compression !== 0) this.compressed.add(inner);
  }

  /** @throws TorchFileError if any entry is compressed. */
  checkStored(): void {
    const [name] = this.compressed;
    if (name === undefined) return;
    throw new TorchFileError(
      'CompressedEntry',
      `${quoted(name)} is compressed. PyTorch stores entries as they are, so this file was packed ` +
        'anew by another program; unpack it and pack it without compression (zip -0), or save it ' +
        'with torch.save again',
    );
  }

  /**
   * Copies entries out of the file.
   *
   * @param names of entries that `sizes` lists.
   * @throws TorchFileError
   */
  extract(names: ReadonlySet<string>): Map<string, Uint8Array> {
    const prefix = this.topFolder;
    const files = unzip(
      this.bytes,
      ({ name }) => name.startsWith(prefix) && names.has(name.slice(prefix.length)),
    );
    const extracted = new Map<string, Uint8Array>();
    for (const name of names) {
      const bytes = files.get(prefix + name);
      if (bytes?.length !== this.sizes.get(name)) {
        throw new TorchFileError('InvalidZip', `${quoted(name)} reaches beyond the archive`);
      }
      extracted.set(name, bytes!);
    }
    return extracted;
  }
}

/** Reads the directory. fflate believes what it says, so it is stopped as soon as it cannot be. */
function listEntries(bytes: Uint8Array): UnzipFileInfo[] {
  const entries: UnzipFileInfo[] = [];
  const limit = Math.min(maxEntries, Math.floor(bytes.length / minEntryBytes));
  let total = 0;
  unzip(bytes, (entry) => {
    if (entries.length >= limit) {
      throw new TorchFileError('ZipOverflow', `the directory lists more than ${limit} entries`);
    }
    total += entry.size;
    if (!(total <= bytes.length)) {
      throw new TorchFileError(
        'ZipOverflow',
        `the entries take ${total} bytes of a file of ${bytes.length}: they overlap`,
      );
    }
    if (entry.compression === 0 && entry.size !== entry.originalSize) {
      throw new TorchFileError('InvalidZip', `${quoted(entry.name)} has two different sizes`);
    }
    entries.push(entry);
    return false;
  });
  return entries;
}

function unzip(
  bytes: Uint8Array,
  filter: (entry: UnzipFileInfo) => boolean,
): Map<string, Uint8Array> {
  try {
    return new Map(Object.entries(unzipSync(bytes, { filter })));
  } catch (error) {
    if (error instanceof TorchFileError) throw error;
    throw new TorchFileError('InvalidZip', 'the archive is damaged or cut off');
  }
}
