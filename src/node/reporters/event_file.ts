import { appendFileSync } from 'node:fs';
import { cannotWrite } from '../write_file.js';

/** A value of a TensorBoard event: a number, or a PNG. */
export type SummaryValue =
  | { tag: string; scalar: number }
  | { tag: string; image: { width: number; height: number; png: Uint8Array } };

export interface TensorBoardEvent {
  /** Seconds since 1970. */
  wallTime: number;
  step: number;
  /** Of the first event of a file. */
  fileVersion?: string;
  /** Readers forget what they have of this step and later ones. */
  restart?: boolean;
  values?: readonly SummaryValue[];
}

/** Appends an event to a file, which holds it whole when this returns. @throws UserError */
export function appendEvent(path: string, event: TensorBoardEvent): void {
  try {
    appendFileSync(path, record(encodeEvent(event)));
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/**
 * A TFRecord: length, its masked CRC, the data, its masked CRC; little-endian.
 *
 * Source: tensorflow/core/lib/io/record_writer.h.
 */
export function record(data: Uint8Array): Uint8Array {
  const out = Buffer.alloc(data.length + 16);
  out.writeBigUInt64LE(BigInt(data.length), 0);
  out.writeUInt32LE(maskedCrc(out.subarray(0, 8)), 8);
  out.set(data, 12);
  out.writeUInt32LE(maskedCrc(data), data.length + 12);
  return out;
}

/** Turned and shifted, as a CRC of data that holds CRCs is weak. */
function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Castagnoli's polynomial, bits turned round. */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C, unlike the CRC-32 of zlib. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = crcTable[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/**
 * The protocol buffer `tensorflow.Event`.
 *
 * Source: tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto.
 */
export function encodeEvent(event: TensorBoardEvent): Uint8Array {
  const { wallTime, step, fileVersion, restart, values } = event;
  return Buffer.concat([
    doubleField(1, wallTime),
    // As everywhere in protocol buffers, 0 is left out.
    ...(step === 0 ? [] : [integerField(2, step)]),
    ...(fileVersion === undefined ? [] : [bytesField(3, Buffer.from(fileVersion))]),
    ...(values
      ? [bytesField(5, Buffer.concat(values.map((v) => bytesField(1, encodeValue(v)))))]
      : []),
    // SessionLog.START
    ...(restart ? [bytesField(7, integerField(1, 1))] : []),
  ]);
}

function encodeValue(value: SummaryValue): Buffer {
  const tag = bytesField(1, Buffer.from(value.tag));
  if ('scalar' in value) return Buffer.concat([tag, floatField(2, value.scalar)]);
  const { width, height, png } = value.image;
  const rgb = 3;
  const image = [integerField(1, height), integerField(2, width), integerField(3, rgb)];
  return Buffer.concat([tag, bytesField(4, Buffer.concat([...image, bytesField(4, png)]))]);
}

function integerField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

function bytesField(field: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

function doubleField(field: number, value: number): Buffer {
  const out = Buffer.alloc(9);
  out.writeUInt8(field * 8 + 1, 0);
  out.writeDoubleLE(value, 1);
  return out;
}

function floatField(field: number, value: number): Buffer {
  const out = Buffer.alloc(5);
  out.writeUInt8(field * 8 + 5, 0);
  out.writeFloatLE(value, 1);
  return out;
}

/** Seven bits a byte, the lowest first. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = BigInt(value); ; rest >>= 7n) {
    const low = Number(rest & 0x7fn);
    if (rest < 0x80n) return Buffer.from([...bytes, low]);
    bytes.push(low | 0x80);
  }
}
