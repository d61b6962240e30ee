import { readFileSync } from 'node:fs';
import { zipSync } from 'fflate';
import { loadTorchCheckpoint } from '../../../src/weights/load_torch_checkpoint.js';
import { readTorchFile } from '../../../src/weights/torch/torch_file.js';
import {
  TorchFileError,
  type TorchFileErrorCode,
} from '../../../src/weights/torch/torch_file_error.js';
import type { TorchValue } from '../../../src/weights/torch/torch_values.js';

const fixtures = new URL('../../fixtures/torch/', import.meta.url);

export function readFixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, fixtures)));
}

/** What torch.load finds in a fixture, or how it must be refused. */
export interface Expected {
  code?: TorchFileErrorCode;
  tensors?: Record<string, { dtype: string; shape: number[]; hex: string }>;
}

export function readExpected(): Record<string, Expected> {
  const text = readFileSync(new URL('expected.json', fixtures), 'utf8');
  return JSON.parse(text) as Record<string, Expected>;
}

/** One character a byte, up to 0xff. */
export function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export function storedZip(entries: Record<string, Uint8Array>): Uint8Array {
  return zipSync(entries, { level: 0 });
}

/** A file of this pickle and these storages. */
export function torchZip(pickle: string, storages: Record<string, Uint8Array> = {}): Uint8Array {
  const entries = { 'any/data.pkl': latin1(pickle) };
  const data = Object.entries(storages).map(([key, bytes]) => [`any/data/${key}`, bytes]);
  return storedZip({ ...entries, ...Object.fromEntries(data) });
}

/** Opcodes for a short text. */
export function text(value: string): string {
  return `\x8c${String.fromCharCode(value.length)}${value}`;
}

/** Opcodes for a number that takes up to 255 bytes, or one of 32 bits. */
export function int(value: number | bigint): string {
  if (typeof value === 'number' && Math.abs(value) < 2 ** 31) return `J${littleEndian(value, 4)}`;
  return `\x8a\x10${littleEndian(value, 16)}`;
}

export function littleEndian(value: number | bigint, bytes: number): string {
  const bits = BigInt.asUintN(bytes * 8, BigInt(value));
  const codes = Array.from({ length: bytes }, (_, i) => Number((bits >> BigInt(8 * i)) & 0xffn));
  return String.fromCharCode(...codes);
}

export function ints(values: readonly (number | bigint)[]): string {
  return `(${values.map(int).join('')}t`;
}

export interface StorageParts {
  type?: string;
  key?: string;
  location?: string;
  count?: number | bigint;
  rest?: string;
}

/** Opcodes for a storage of 4 float32 under key 0. */
export function storage({
  type = 'ctorch\nFloatStorage\n',
  key = text('0'),
  location = text('cpu'),
  count = 4,
  rest = '',
}: StorageParts = {}): string {
  return `(${text('storage')}${type}${key}${location}${int(count)}${rest}tQ`;
}

export interface TensorParts extends StorageParts {
  offset?: number | bigint;
  shape?: readonly (number | bigint)[];
  strides?: readonly (number | bigint)[];
  function?: string;
  more?: string;
}

/** Opcodes for a tensor. */
export function tensor(parts: TensorParts = {}): string {
  const { offset = 0, shape = [4], strides = [1], more = `\x89)` } = parts;
  const callee = `ctorch._utils\n${parts.function ?? '_rebuild_tensor_v2'}\n`;
  return `${callee}(${storage(parts)}${int(offset)}${ints(shape)}${ints(strides)}${more}tR`;
}

/** Opcodes for a dict of names and the opcodes of their values. */
export function dict(entries: readonly (readonly [string, string])[]): string {
  return `}(${entries.map(([name, value]) => text(name) + value).join('')}u`;
}

export const sixteenBytes: Record<string, Uint8Array> = {
  '0': new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer),
};

/** A file with one tensor, `w`. */
export function fileOf(parts: TensorParts, storages = sixteenBytes): Uint8Array {
  return torchZip(`\x80\x02${dict([['w', tensor(parts)]])}.`, storages);
}

/** @returns `ok` or the error's code; throws what is not a TorchFileError. */
export function codeOf(read: () => unknown): TorchFileErrorCode | 'ok' {
  try {
    read();
    return 'ok';
  } catch (error) {
    if (error instanceof TorchFileError) return error.code;
    throw error;
  }
}

export function loadCode(bytes: Uint8Array): TorchFileErrorCode | 'ok' {
  return codeOf(() => loadTorchCheckpoint(bytes));
}

/** Reads a pickle as that of a file. */
export function readPickle(pickle: string): TorchValue {
  return readTorchFile(torchZip(pickle));
}

export function pickleCode(pickle: string): TorchFileErrorCode | 'ok' {
  return codeOf(() => readPickle(pickle));
}
