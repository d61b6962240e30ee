import { BtnError } from '../ops/errors.js';
import {
  bytesPerElement,
  type Dtype,
  elementCount,
  type StateDict,
  type StateTensor,
  tensorBytes,
  tensorFromBytes,
} from './state_dict.js';

/** What is wrong with a safetensors file, by the check that found it. */
export type SafetensorsErrorCode =
  /** Fewer than 8 bytes: not even the header's length. */
  | 'HeaderTooSmall'
  /** The header claims more than 100 MB. */
  | 'HeaderTooLarge'
  /** The header runs past the end of the file. */
  | 'InvalidHeaderLength'
  /** The header is not UTF-8. */
  | 'InvalidHeader'
  /** The header does not start with `{`. */
  | 'InvalidHeaderStart'
  /** The header is not JSON of the form that the format prescribes. */
  | 'InvalidHeaderDeserialization'
  /** A name occurs twice. */
  | 'DuplicateKey'
  /** A tensor's bytes leave a hole, overlap others or end before they begin. */
  | 'InvalidOffset'
  /** A tensor's byte count is not that of its shape and dtype. */
  | 'TensorInvalidInfo'
  /** A size is beyond what a number holds exactly. */
  | 'ValidationOverflow'
  /** The tensors end before or after the end of the file. */
  | 'MetadataIncompleteBuffer'
  /** The dtype is one of the format's that this library does not hold. */
  | 'UnsupportedDtype';

/**
 * A safetensors file that cannot be read, or a state dict that cannot be written as one.
 *
 * @example
 * try {
 *   readSafetensors(new Uint8Array(4));
 * } catch (error) {
 *   if (error instanceof SafetensorsError) console.log(error.code); // HeaderTooSmall
 * }
 */
export class SafetensorsError extends BtnError<SafetensorsErrorCode> {
  override name = 'SafetensorsError';

  constructor(code: SafetensorsErrorCode, message: string) {
    super(code, `safetensors: ${message}`);
  }
}

/** What a safetensors file holds. */
export interface Safetensors {
  /** In the order of their bytes in the file. */
  tensors: StateDict;
  /** Free text by key, from the header's `__metadata__`. */
  metadata: Record<string, string>;
}

const lengthBytes = 8;
const maxHeaderBytes = 100_000_000;
const metadataKey = '__metadata__';

/** In the format's order of alignment, by which files are laid out. */
const dtypeNames: Record<Dtype, string> = {
  bool: 'BOOL',
  uint8: 'U8',
  int8: 'I8',
  int16: 'I16',
  float16: 'F16',
  bfloat16: 'BF16',
  int32: 'I32',
  float32: 'F32',
  float64: 'F64',
  int64: 'I64',
};
const dtypes = Object.keys(dtypeNames) as Dtype[];
const dtypeByName = new Map(dtypes.map((dtype) => [dtypeNames[dtype], dtype]));
const otherDtypes = new Set(
  'U16 U32 U64 C64 F4 F6_E2M3 F6_E3M2 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ'.split(' '),
);

interface TensorInfo {
  name: string;
  dtype: Dtype;
  shape: number[];
  begin: number;
  end: number;
}

/**
 * Reads a safetensors file, making every check of the format's own implementation.
 *
 * Tensor data are views of `bytes` where alignment allows it (in files written by the usual
 * programs it does), so reading costs no copy and changing one changes the other.
 *
 * Format: https://github.com/huggingface/safetensors#format
 *
 * @throws SafetensorsError, whose `code` tells the check that failed, for any damaged file.
 *
 * @example
 * const weight = { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) } as const;
 * const file = writeSafetensors(new Map([['weight', weight]]), { format: 'pt' });
 * const { tensors, metadata } = readSafetensors(file);
 * console.log(tensors.get('weight')?.data, metadata.format); // Float32Array(2) [ 1, 2 ] pt
 */
export function readSafetensors(bytes: Uint8Array): Safetensors {
  const headerBytes = readHeaderLength(bytes);
  const data = bytes.subarray(lengthBytes + headerBytes);
  const header = parseHeader(bytes.subarray(lengthBytes, lengthBytes + headerBytes));
  const metadata = readMetadata(header);
  const infos = Object.entries(header)
    .filter(([name]) => name !== metadataKey)
    .map(([name, info]) => readTensorInfo(name, info))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkLayout(infos, data.length);
  const tensors: StateDict = new Map();
  for (const { name, dtype, shape, begin, end } of infos) {
    tensors.set(name, tensorFromBytes(dtype, shape, data.subarray(begin, end)));
  }
  return { tensors, metadata };
}

/**
 * Writes a safetensors file. Tensors are laid out as the format's own implementation does, by
 * falling alignment and then by name, so that equal weights give equal files.
 *
 * @param metadata free text by key; left out if empty.
 * @throws SafetensorsError if a tensor's data does not match its shape, or a name is reserved.
 *
 * @example
 * const file = writeSafetensors(await toStateDict(model), { format: 'pt' });
 * console.log(readSafetensors(file).tensors.has('VIT.pos_embed')); // true
 */
export function writeSafetensors(
  tensors: StateDict,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = [...tensors].sort(
    ([aName, a], [bName, b]) =>
      dtypes.indexOf(b.dtype) - dtypes.indexOf(a.dtype) || (aName < bName ? -1 : 1),
  );
  const header = encodeHeader(entries, metadata);
  const dataBytes = entries.reduce((total, [, { data }]) => total + data.byteLength, 0);
  const file = new Uint8Array(lengthBytes + header.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, lengthBytes);
  let offset = lengthBytes + header.length;
  for (const [, tensor] of entries) {
    file.set(tensorBytes(tensor), offset);
    offset += tensor.data.byteLength;
  }
  return file;
}

function encodeHeader(
  entries: readonly [string, StateTensor][],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const fields: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) fields.push([metadataKey, metadata]);
  let begin = 0;
  for (const [name, tensor] of entries) {
    checkWritable(name, tensor);
    const end = begin + tensor.data.byteLength;
    const { dtype, shape } = tensor;
    fields.push([name, { dtype: dtypeNames[dtype], shape, data_offsets: [begin, end] }]);
    begin = end;
  }
  const json = fields.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const text = new TextEncoder().encode(`{${json.join(',')}}`);
  // Spaces make the data start at a multiple of 8.
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  padded.set(text);
  return padded;
}

function checkWritable(name: string, { shape, data, dtype }: StateTensor): void {
  if (name === metadataKey) {
    throw new SafetensorsError('DuplicateKey', `the tensor name ${metadataKey} is reserved`);
  }
  if (data.length !== elementCount(shape)) {
    throw new SafetensorsError(
      'TensorInvalidInfo',
      `tensor ${name} holds ${data.length} ${dtype} elements: its shape is [${shape}]`,
    );
  }
}

/** @returns the header's length in bytes. */
function readHeaderLength(bytes: Uint8Array): number {
  if (bytes.length < lengthBytes) {
    throw new SafetensorsError('HeaderTooSmall', `the file has only ${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, lengthBytes);
  const length = view.getBigUint64(0, true);
  if (length > maxHeaderBytes) {
    throw new SafetensorsError('HeaderTooLarge', `the header claims ${length} bytes`);
  }
  if (Number(length) > bytes.length - lengthBytes) {
    throw new SafetensorsError(
      'InvalidHeaderLength',
      `the header claims ${length} bytes but the file has only ${bytes.length - lengthBytes} more`,
    );
  }
  return Number(length);
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  const text = decodeUtf8(bytes);
  if (!text.startsWith('{')) {
    throw new SafetensorsError('InvalidHeaderStart', 'the header does not start with {');
  }
  const header = parseJson(text);
  checkTokens(text);
  if (!isObject(header)) throw malformed('the header is not a JSON object');
  return header;
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new SafetensorsError('InvalidHeader', 'the header is not UTF-8');
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed('the header is not JSON');
  }
}

/**
 * Looks at what `JSON.parse` hides: names that occur twice in an object, of which it would keep the
 * last, and numbers such as 1.0 or 1e2, which the format does not allow.
 *
 * @param text valid JSON.
 */
function checkTokens(text: string): void {
  const names: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '{') names.push(new Set());
    else if (character === '}') names.pop();
    else if (character === '"') {
      const end = endOfString(text, i);
      if (isName(text, end)) addName(names.at(-1)!, JSON.parse(text.slice(i, end)) as string);
      i = end - 1;
    } else if (character === '.' || character === '-' || isExponent(text, i)) {
      throw malformed('the header holds a number that is not a plain non-negative integer');
    }
  }
}

function isExponent(text: string, i: number): boolean {
  return (text[i] === 'e' || text[i] === 'E') && /\d/.test(text[i - 1] ?? '');
}

/** @returns the position after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let end = start + 1;
  while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  return end + 1;
}

function isName(text: string, end: number): boolean {
  let next = end;
  while (' \t\n\r'.includes(text[next] ?? ':')) next += 1;
  return text[next] === ':';
}

function addName(names: Set<string>, name: string): void {
  if (names.has(name)) {
    throw new SafetensorsError('DuplicateKey', `${JSON.stringify(name)} occurs twice`);
  }
  names.add(name);
}

function readMetadata(header: Record<string, unknown>): Record<string, string> {
  const metadata = Object.hasOwn(header, metadataKey) ? header[metadataKey] : null;
  if (metadata === null) return {};
  if (!isObject(metadata) || !Object.values(metadata).every((text) => typeof text === 'string')) {
    throw malformed(`${metadataKey} does not map names to text`);
  }
  return metadata as Record<string, string>;
}

function readTensorInfo(name: string, info: unknown): TensorInfo {
  if (!isObject(info)) throw malformed(`tensor ${name} is not described by an object`);
  const offsets = info.data_offsets;
  if (!isNumbers(offsets) || offsets.length !== 2) {
    throw malformed(`tensor ${name} has no pair of data_offsets`);
  }
  if (!isNumbers(info.shape)) throw malformed(`tensor ${name} has no shape`);
  if (![...offsets, ...info.shape].every(Number.isSafeInteger)) {
    throw new SafetensorsError('ValidationOverflow', `tensor ${name} has a size beyond 2^53`);
  }
  const [begin, end] = offsets as [number, number];
  return { name, dtype: readDtype(name, info.dtype), shape: info.shape, begin, end };
}

function readDtype(name: string, dtypeName: unknown): Dtype {
  const dtype = typeof dtypeName === 'string' ? dtypeByName.get(dtypeName) : undefined;
  if (dtype !== undefined) return dtype;
  if (typeof dtypeName === 'string' && otherDtypes.has(dtypeName)) {
    throw new SafetensorsError(
      'UnsupportedDtype',
      `tensor ${name} is ${dtypeName}: supported are ${[...dtypeByName.keys()].join(', ')}`,
    );
  }
  throw malformed(`tensor ${name} has the unknown dtype ${JSON.stringify(dtypeName)}`);
}

/** Tensors must follow one another without a hole from the first byte to the last. */
function checkLayout(infos: readonly TensorInfo[], dataBytes: number): void {
  let expected = 0;
  for (const { name, dtype, shape, begin, end } of infos) {
    if (begin !== expected || end < begin) {
      throw new SafetensorsError(
        'InvalidOffset',
        `tensor ${name} is at ${begin}…${end} where ${expected} is the next free byte`,
      );
    }
    const needed = byteCount(name, dtype, shape);
    if (end - begin !== needed) {
      throw new SafetensorsError(
        'TensorInvalidInfo',
        `tensor ${name} has ${end - begin} bytes: ${dtype} [${shape}] takes ${needed}`,
      );
    }
    expected = end;
  }
  if (expected !== dataBytes) {
    throw new SafetensorsError(
      'MetadataIncompleteBuffer',
      `the tensors take ${expected} bytes but the file has ${dataBytes}`,
    );
  }
}

function byteCount(name: string, dtype: Dtype, shape: readonly number[]): number {
  let count = bytesPerElement[dtype];
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count)) {
      throw new SafetensorsError('ValidationOverflow', `tensor ${name} is too large: [${shape}]`);
    }
  }
  return count;
}

function malformed(message: string): SafetensorsError {
  return new SafetensorsError('InvalidHeaderDeserialization', message);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}
