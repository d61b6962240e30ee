import { type Zippable, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { loadTorchCheckpoint } from '../../../src/weights/load_torch_checkpoint.js';
import type { TorchFileErrorCode } from '../../../src/weights/torch/torch_file_error.js';
import {
  dict,
  fileOf,
  latin1,
  loadCode,
  readFixture,
  sixteenBytes,
  storedZip,
  tensor,
} from './torch_bytes.js';

const directoryMark = 0x02014b50;
const endMark = 0x06054b50;

/** Positions of records that begin with this mark. */
function find(bytes: Uint8Array, mark: number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const positions = [];
  for (let i = 0; i + 4 <= bytes.length; i++) {
    if (view.getUint32(i, true) === mark) positions.push(i);
  }
  return positions;
}

/** Changes 16 or 32 bit fields of every entry in the directory, or of the end record. */
function changed(
  bytes: Uint8Array,
  mark: number,
  fields: Record<number, [bits: 16 | 32, value: number]>,
): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  for (const position of find(copy, mark)) {
    for (const [offset, [bits, value]] of Object.entries(fields)) {
      if (bits === 16) view.setUint16(position + Number(offset), value, true);
      else view.setUint32(position + Number(offset), value, true);
    }
  }
  return copy;
}

/** The end of an archive that lists as many entries as zip64 can say. */
function withZip64Count(bytes: Uint8Array, count: number): Uint8Array {
  const end = find(bytes, endMark)[0]!;
  const start = new DataView(bytes.buffer).getUint32(end + 16, true);
  const file = new Uint8Array(bytes.length + 76);
  file.set(bytes.subarray(0, end));
  const view = new DataView(file.buffer);
  view.setUint32(end, 0x06064b50, true);
  view.setUint32(end + 32, count, true);
  view.setUint32(end + 48, start, true);
  view.setUint32(end + 56, 0x07064b50, true);
  view.setUint32(end + 64, end, true);
  file.set(bytes.subarray(end), end + 76);
  return file;
}

describe('an archive', () => {
  const good = fileOf({});
  const pickle = latin1(`${dict([['w', tensor()]])}.`);
  const entries = { 'a/data.pkl': pickle, 'a/data/0': sixteenBytes['0']! };

  it('may have a folder of any name, other entries and no folder at all', () => {
    const { length } = pickle;
    expect(length).toBeGreaterThan(0);
    const named = (prefix: string) =>
      storedZip({ [`${prefix}data.pkl`]: pickle, [`${prefix}data/0`]: sixteenBytes['0']! });
    for (const prefix of ['', '__proto__/', 'Größe/', 'a b/']) {
      expect(loadCode(named(prefix)), prefix).toBe('ok');
    }
    expect(loadCode(storedZip({ ...entries, '__MACOSX/x': pickle, 'a/extra/y': pickle }))).toBe(
      'ok',
    );
  });

  it('may be followed by a comment', () => {
    const file = new Uint8Array(good.length + 3);
    file.set(changed(good, endMark, { 20: [16, 3] }));
    expect(loadCode(file)).toBe('ok');
  });

  it('may be of zip64', () => {
    expect(loadCode(withZip64Count(good, 2))).toBe('ok');
  });

  it.each<[string, TorchFileErrorCode, Uint8Array]>([
    [
      'no entries',
      'MissingPickle',
      latin1(`PK\x03\x04${'\0'.repeat(22)}PK\x05\x06${'\0'.repeat(18)}`),
    ],
    ['another kind of archive', 'MissingPickle', storedZip({ 'word/document.xml': pickle })],
    ['a pickle in another folder', 'MissingPickle', storedZip({ 'b/x': pickle, ...entries })],
    ['no end', 'InvalidZip', good.subarray(0, -22)],
    [
      'a directory after the end',
      'ZipOverflow',
      changed(good, endMark, { 16: [32, 2 ** 31], 8: [16, 9] }),
    ],
    ['65535 entries', 'ZipOverflow', changed(good, endMark, { 8: [16, 65535], 10: [16, 65535] })],
    ['four billion entries', 'ZipOverflow', withZip64Count(good, 2 ** 32 - 1)],
    [
      'sizes larger than the file',
      'ZipOverflow',
      changed(good, directoryMark, { 20: [32, 2 ** 31], 24: [32, 2 ** 31] }),
    ],
    [
      'overlapping entries',
      'ZipOverflow',
      changed(good, directoryMark, { 20: [32, 250], 24: [32, 250], 42: [32, 0] }),
    ],
    ['two different sizes', 'InvalidZip', changed(good, directoryMark, { 24: [32, 17] })],
    [
      'entries beyond the file',
      'InvalidZip',
      changed(good, directoryMark, { 42: [32, good.length] }),
    ],
    ['an unknown compression', 'CompressedEntry', changed(good, directoryMark, { 10: [16, 99] })],
    [
      'a bomb',
      'CompressedEntry',
      zipSync({ 'a/data.pkl': new Uint8Array(10_000_000) } as Zippable),
    ],
    ['TorchScript', 'TorchScript', storedZip({ ...entries, 'a/constants.pkl': pickle })],
    [
      'a long byte order',
      'InvalidByteOrder',
      storedZip({ ...entries, 'a/byteorder': latin1('little-ish') }),
    ],
    ['no byte order', 'InvalidByteOrder', storedZip({ ...entries, 'a/byteorder': latin1('') })],
  ])('is refused for %s: %s', (_, code, bytes) => {
    expect(loadCode(bytes)).toBe(code);
  });

  it('may not have an entry twice', () => {
    const file = storedZip({
      'a/data.pkl': pickle,
      'a/data/0': new Uint8Array(16),
      'a/data/1': new Uint8Array(16),
    });
    for (let i = 0; i < file.length; i++) {
      if (file[i] === 0x31 && file[i - 1] === 0x2f) file[i] = 0x30;
    }
    expect(loadCode(file)).toBe('DuplicateEntry');
  });

  it('is refused at once if it lists too much', () => {
    const begin = performance.now();
    expect(loadCode(withZip64Count(new Uint8Array([...good]), 2 ** 32 - 1))).toBe('ZipOverflow');
    expect(performance.now() - begin).toBeLessThan(1000);
  });
});

describe('a file of another kind', () => {
  it.each<[string, TorchFileErrorCode, string]>([
    ['nothing', 'NotTorchFile', ''],
    ['one byte', 'NotTorchFile', 'P'],
    ['a safetensors file', 'NotTorchFile', '\x02\0\0\0\0\0\0\0{}'],
    ['an HDF5 file', 'NotTorchFile', '\x89HDF\r\n\x1a\n'],
    ['a gzip file', 'NotTorchFile', '\x1f\x8b\x08'],
    ['a web page', 'NotTorchFile', '<!DOCTYPE html>'],
    ['a pointer of Git LFS', 'NotTorchFile', 'version https://git-lfs.github.com/spec/v1'],
    ['a pickle of another program', 'NotTorchFile', '\x80\x02N.'],
    ['half a pickle', 'TruncatedPickle', '\x80\x02'],
    ['the start of a zip archive', 'InvalidZip', 'PK\x03\x04'],
  ])('is refused: %s', (_, code, text) => {
    expect(loadCode(latin1(text))).toBe(code);
  });

  it('is named in the message', () => {
    expect(() => loadTorchCheckpoint(latin1('\x02\0\0\0\0\0\0\0{}'))).toThrow('readSafetensors');
    expect(() => loadTorchCheckpoint(readFixture('tar.pth'))).toThrow('open it with torch.load');
    expect(() => loadTorchCheckpoint(readFixture('compressed.pth'))).toThrow('without compression');
    expect(() => loadTorchCheckpoint(readFixture('torch_script.pt'))).toThrow('torch.jit.load');
    expect(() => loadTorchCheckpoint(readFixture('whole_module.pth'))).toThrow(
      'model.state_dict()',
    );
  });
});
