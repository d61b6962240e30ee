import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  appendEvent,
  crc32c,
  encodeEvent,
  record,
} from '../../../src/node/reporters/event_file.js';
import { messageOf, temporaryFolder, writeFile } from '../temporary_folder.js';

const folder = temporaryFolder();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('crc32c', () => {
  it('is that of RFC 3720, appendix B.4', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });
});

describe('record', () => {
  it('has length, data and their masked checksums, as TensorFlow writes them', () => {
    // tf.io.TFRecordWriter, of b'brain'.
    expect(hex(record(Buffer.from('brain')))).toBe('0500000000000000eab2043e627261696e92d279cb');
  });
});

describe('encodeEvent', () => {
  it('has the bytes of the protocol buffer', () => {
    const version = { wallTime: 1.5, step: 0, fileVersion: 'brain.Event:2' };
    expect(hex(encodeEvent(version))).toBe('09000000000000f83f1a0d627261696e2e4576656e743a32');
    const png = Uint8Array.of(1, 2, 3);
    const values = [
      { tag: 'loss/total', scalar: 0.5 },
      { tag: 'm', image: { width: 300, height: 2, png } },
    ];
    expect(hex(encodeEvent({ wallTime: 2, step: 300, values }))).toBe(
      '09000000000000004010ac022a260a110a0a6c6f73732f746f74616c150000003f0a110a016d220c080210ac0218032203010203',
    );
    const restart = { wallTime: 2, step: 2 ** 33, restart: true };
    expect(hex(encodeEvent(restart))).toBe('0900000000000000401080808080203a020801');
  });
});

describe('appendEvent', () => {
  it('has each event in the file when it returns', () => {
    const path = join(folder, 'events');
    const events = [1, 2].map((step) => ({ wallTime: 0, step, values: [] }));
    events.forEach((event, i) => {
      appendEvent(path, event);
      const expected = events.slice(0, i + 1).map((each) => record(encodeEvent(each)));
      expect(hex(readFileSync(path))).toBe(hex(Buffer.concat(expected)));
    });
  });

  it('names a file that cannot be written', async () => {
    const file = writeFile(join(folder, 'file'));
    const write = async () => appendEvent(join(file, 'events'), { wallTime: 0, step: 0 });
    expect(await messageOf(write())).toMatch(/^UserError: cannot write .*events: part of the path/);
  });
});
