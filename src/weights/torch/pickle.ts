import { TorchFileError } from './torch_file_error.js';
import { isKind, type TorchDict, type TorchTuple, type TorchValue } from './torch_values.js';

/** What the machine cannot know: the meaning of names and of references out of the pickle. */
export interface PickleHandler {
  /** @returns what calling `callee` would give. Must call nothing that the file names. */
  construct(
    callee: TorchValue,
    args: readonly TorchValue[],
    namedArgs: TorchValue | undefined,
  ): TorchValue;
  /** @returns what a persistent id stands for. */
  load(id: TorchValue): TorchValue;
}

export interface Unpickled {
  value: TorchValue;
  /** The position after the pickle. */
  end: number;
}

/**
 * Reads a pickle of protocols 1 to 5 without running anything: every opcode makes a value of a
 * fixed kind, and names stay names. Time and memory grow with the pickle's length, up to a limit.
 *
 * Format: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 *
 * @throws TorchFileError
 */
export function unpickle(bytes: Uint8Array, begin: number, handler: PickleHandler): Unpickled {
  const machine = new Machine(bytes, begin, handler);
  return { value: machine.run(), end: machine.position };
}

/** The largest checkpoints have some 100 000. Each may take 100 bytes of memory. */
const maxOpcodes = 2 ** 22;
const maxStringBytes = 2 ** 26;
const maxNumberBytes = 128;
const maxNameBytes = 512;
/** Texts from this length on are held once, so that comparing equal ones takes no time. */
const longText = 64;

const stop = 0x2e;
const newline = 0x0a;

function invalid(message: string): TorchFileError {
  return new TorchFileError('InvalidPickle', message);
}

class Machine {
  private readonly view: DataView;
  /** An array, not a Map, in which numbers can be chosen to collide. */
  private readonly memo: TorchValue[] = [];
  private readonly texts = new Map<string, string>();
  /** The stacks below each MARK. */
  private readonly marked: TorchValue[][] = [];
  private stack: TorchValue[] = [];

  constructor(
    private readonly bytes: Uint8Array,
    public position: number,
    private readonly handler: PickleHandler,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): TorchValue {
    for (let count = 0; count < maxOpcodes; count++) {
      const code = this.uint8();
      if (code === stop) return this.pop();
      const opcode = opcodes.get(code);
      if (opcode === undefined) throw this.unsupported(code);
      opcode(this);
    }
    throw new TorchFileError('PickleOverflow', `the pickle has more than ${maxOpcodes} opcodes`);
  }

  private unsupported(code: number): TorchFileError {
    const hex = code.toString(16).padStart(2, '0');
    return new TorchFileError(
      'UnsupportedPickle',
      `opcode 0x${hex} at ${this.position - 1} is none that torch.save writes`,
    );
  }

  push(value: TorchValue): void {
    this.stack.push(value);
  }

  pop(): TorchValue {
    const value = this.stack.pop();
    if (value === undefined) throw invalid(`the stack is empty at ${this.position}`);
    return value;
  }

  top(): TorchValue {
    const value = this.stack.at(-1);
    if (value === undefined) throw invalid(`the stack is empty at ${this.position}`);
    return value;
  }

  mark(): void {
    this.marked.push(this.stack);
    this.stack = [];
  }

  /** @returns what was pushed since the last MARK. */
  popToMark(): TorchValue[] {
    const below = this.marked.pop();
    if (below === undefined) throw invalid(`there is no MARK at ${this.position}`);
    const items = this.stack;
    this.stack = below;
    return items;
  }

  /** POP, which takes away a MARK if nothing is above it. */
  drop(): void {
    if (this.stack.length > 0) this.stack.pop();
    else this.popToMark();
  }

  popTuple(length: number): void {
    if (this.stack.length < length) throw invalid(`the stack is empty at ${this.position}`);
    this.push({ kind: 'tuple', items: this.stack.splice(-length) });
  }

  put(index: number): void {
    if (index >= maxOpcodes) throw invalid(`${index} is beyond the memo`);
    this.memo[index] = this.top();
  }

  memoize(): void {
    this.put(this.memo.length);
  }

  get(index: number): void {
    const value = this.memo[index];
    if (value === undefined) throw invalid(`nothing was put at ${index} of the memo`);
    this.push(value);
  }

  /** @returns the position of the next `length` bytes, and moves past them. */
  private advance(length: number): number {
    if (length > this.bytes.length - this.position) {
      throw new TorchFileError('TruncatedPickle', 'the pickle ends before its end mark');
    }
    this.position += length;
    return this.position - length;
  }

  private take(length: number): Uint8Array {
    const begin = this.advance(length);
    return this.bytes.subarray(begin, begin + length);
  }

  uint8(): number {
    return this.view.getUint8(this.advance(1));
  }

  uint16(): number {
    return this.view.getUint16(this.advance(2), true);
  }

  int32(): number {
    return this.view.getInt32(this.advance(4), true);
  }

  uint32(): number {
    return this.view.getUint32(this.advance(4), true);
  }

  /** A length. Those beyond 2^53 come out inexact, and too long in any case. */
  uint64(): number {
    return Number(this.view.getBigUint64(this.advance(8), true));
  }

  float64(): number {
    return this.view.getFloat64(this.advance(8));
  }

  /** A view: bytes of a pickle are not copied. */
  data(length: number): Uint8Array {
    return this.take(length);
  }

  text(length: number): string {
    return this.shared(decode(this.limited(length)) ?? fail('text is not UTF-8'));
  }

  /** Python 2's `str`: text if it can be, bytes if not. */
  string(length: number): string | Uint8Array {
    const bytes = this.limited(length);
    const text = decode(bytes);
    return text === undefined ? bytes : this.shared(text);
  }

  private limited(length: number): Uint8Array {
    if (length < 0) throw invalid('a string has a negative length');
    if (length > maxStringBytes) {
      throw new TorchFileError('PickleOverflow', `a string has ${length} bytes`);
    }
    return this.take(length);
  }

  private shared(text: string): string {
    if (text.length < longText) return text;
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    this.texts.set(text, text);
    return text;
  }

  /** A little-endian two's complement number of any length. */
  long(length: number): number | bigint {
    if (length < 0 || length > maxNumberBytes) {
      throw new TorchFileError('PickleOverflow', `a number has ${length} bytes`);
    }
    const bytes = this.take(length);
    if (length === 0) return 0;
    const words = new DataView(new ArrayBuffer(Math.ceil(length / 8) * 8));
    const padded = new Uint8Array(words.buffer);
    if (bytes.at(-1)! >= 0x80) padded.fill(0xff);
    padded.set(bytes);
    let value = words.getBigInt64(words.byteLength - 8, true);
    for (let i = words.byteLength - 16; i >= 0; i -= 8) {
      value = (value << 64n) | words.getBigUint64(i, true);
    }
    return narrowed(value);
  }

  /** Text up to the next newline. */
  line(): string {
    const limit = this.bytes.subarray(this.position, this.position + maxNameBytes + 1);
    const length = limit.indexOf(newline);
    if (length < 0) {
      if (limit.length <= maxNameBytes) this.advance(limit.length + 1);
      throw invalid(`a line at ${this.position} is longer than ${maxNameBytes} bytes`);
    }
    const line = this.take(length);
    this.position += 1;
    return decode(line) ?? fail('text is not UTF-8');
  }

  /** A decimal number, or a bool as 00 or 01. */
  decimal(): void {
    const line = this.line();
    if (line === '00' || line === '01') this.push(line === '01');
    else if (/^-?\d+L?$/.test(line)) this.push(narrowed(BigInt(line.replace('L', ''))));
    else throw invalid(`a line at ${this.position} is not a number`);
  }

  protocol(): void {
    const version = this.uint8();
    if (version > 5) {
      throw new TorchFileError('UnsupportedPickle', `pickle protocol ${version} is unknown`);
    }
  }

  /** A frame only announces how much can be read at once. */
  frame(): void {
    const length = this.uint64();
    if (length > this.bytes.length - this.position) {
      throw new TorchFileError('TruncatedPickle', 'a frame ends after the end of the pickle');
    }
  }

  global(module: TorchValue, name: TorchValue): void {
    if (typeof module !== 'string' || typeof name !== 'string') {
      throw invalid('a name is not of text');
    }
    if (module.length > maxNameBytes || name.length > maxNameBytes) {
      throw invalid(`a name is longer than ${maxNameBytes}`);
    }
    this.push({ kind: 'global', module, name });
  }

  append(items: readonly TorchValue[]): void {
    const target = this.top();
    if (Array.isArray(target)) pushAll(target, items);
    else if (isKind(target, 'object')) {
      target.items ??= [];
      pushAll(target.items, items);
    } else throw invalid('elements are added to what is no list');
  }

  addItems(items: readonly TorchValue[]): void {
    const target = this.top();
    if (isKind(target, 'set')) pushAll(target.items, items);
    else this.append(items);
  }

  setItems(items: readonly TorchValue[]): void {
    const target = this.top();
    if (isKind(target, 'dict')) addEntries(target.entries, items);
    else if (isKind(target, 'object')) {
      target.entries ??= [];
      addEntries(target.entries, items);
    } else throw invalid('entries are set on what is no dict');
  }

  call(callee: TorchValue, args: TorchValue, namedArgs?: TorchValue): void {
    if (!isKind(args, 'tuple')) throw invalid('the arguments of a call are no tuple');
    this.push(this.handler.construct(callee, args.items, namedArgs));
  }

  build(): void {
    const state = this.pop();
    const target = this.top();
    if (isKind(target, 'object') || isKind(target, 'dict')) target.state = state;
    // Attributes of a tensor, such as its name, say nothing about its numbers.
    else if (!isKind(target, 'tensor')) throw invalid('a value of no class is given a state');
  }

  persistentId(): void {
    this.push(this.handler.load(this.pop()));
  }
}

function fail(message: string): never {
  throw invalid(message);
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Not by spreading, which puts every item on the stack. */
function pushAll(target: TorchValue[], items: readonly TorchValue[]): void {
  for (const item of items) target.push(item);
}

function addEntries(target: TorchDict['entries'], items: readonly TorchValue[]): void {
  if (items.length % 2 !== 0) throw invalid('a key has no value');
  for (let i = 0; i < items.length; i += 2) target.push([items[i]!, items[i + 1]!]);
}

function emptyDict(): TorchDict {
  return { kind: 'dict', type: 'dict', entries: [] };
}

function dictOf(items: readonly TorchValue[]): TorchDict {
  const dict = emptyDict();
  addEntries(dict.entries, items);
  return dict;
}

const emptyTuple: TorchTuple = { kind: 'tuple', items: [] };

/** A pair from the top of the stack, in the order in which it was pushed. */
function pair(machine: Machine): [TorchValue, TorchValue] {
  const second = machine.pop();
  return [machine.pop(), second];
}

function callWithNames(machine: Machine): void {
  const namedArgs = machine.pop();
  const [callee, args] = pair(machine);
  machine.call(callee, args, namedArgs);
}

function callMarked(machine: Machine): void {
  const [callee, ...args] = machine.popToMark();
  if (callee === undefined) throw invalid('an object has no class');
  machine.call(callee, { kind: 'tuple', items: args });
}

type Opcode = (machine: Machine) => void;

/**
 * The opcodes that Python writes in protocols 1 to 5. Left out are those of protocol 0 and by hand
 * (STRING, UNICODE, FLOAT, GET, PUT, PERSID, INST), of the extension registry (EXT1, EXT2, EXT4)
 * and of buffers outside the file (NEXT_BUFFER, READONLY_BUFFER).
 */
const opcodes: ReadonlyMap<number, Opcode> = new Map<number, Opcode>([
  // PROTO, FRAME
  [0x80, (m) => m.protocol()],
  [0x95, (m) => m.frame()],
  // MARK, POP, POP_MARK, DUP
  [0x28, (m) => m.mark()],
  [0x30, (m) => m.drop()],
  [0x31, (m) => void m.popToMark()],
  [0x32, (m) => m.push(m.top())],
  // NONE, NEWTRUE, NEWFALSE
  [0x4e, (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  // INT, LONG, BININT, BININT1, BININT2, LONG1, LONG4, BINFLOAT
  [0x49, (m) => m.decimal()],
  [0x4c, (m) => m.decimal()],
  [0x4a, (m) => m.push(m.int32())],
  [0x4b, (m) => m.push(m.uint8())],
  [0x4d, (m) => m.push(m.uint16())],
  [0x8a, (m) => m.push(m.long(m.uint8()))],
  [0x8b, (m) => m.push(m.long(m.int32()))],
  [0x47, (m) => m.push(m.float64())],
  // BINSTRING, SHORT_BINSTRING, BINUNICODE, SHORT_BINUNICODE, BINUNICODE8
  [0x54, (m) => m.push(m.string(m.int32()))],
  [0x55, (m) => m.push(m.string(m.uint8()))],
  [0x58, (m) => m.push(m.text(m.uint32()))],
  [0x8c, (m) => m.push(m.text(m.uint8()))],
  [0x8d, (m) => m.push(m.text(m.uint64()))],
  // BINBYTES, SHORT_BINBYTES, BINBYTES8, BYTEARRAY8
  [0x42, (m) => m.push(m.data(m.uint32()))],
  [0x43, (m) => m.push(m.data(m.uint8()))],
  [0x8e, (m) => m.push(m.data(m.uint64()))],
  [0x96, (m) => m.push(m.data(m.uint64()))],
  // EMPTY_LIST, LIST, APPEND, APPENDS
  [0x5d, (m) => m.push([])],
  [0x6c, (m) => m.push(m.popToMark())],
  [0x61, (m) => m.append([m.pop()])],
  [0x65, (m) => m.append(m.popToMark())],
  // EMPTY_TUPLE, TUPLE, TUPLE1, TUPLE2, TUPLE3
  [0x29, (m) => m.push(emptyTuple)],
  [0x74, (m) => m.push({ kind: 'tuple', items: m.popToMark() })],
  [0x85, (m) => m.popTuple(1)],
  [0x86, (m) => m.popTuple(2)],
  [0x87, (m) => m.popTuple(3)],
  // EMPTY_DICT, DICT, SETITEM, SETITEMS
  [0x7d, (m) => m.push(emptyDict())],
  [0x64, (m) => m.push(dictOf(m.popToMark()))],
  [0x73, (m) => m.setItems(pair(m))],
  [0x75, (m) => m.setItems(m.popToMark())],
  // EMPTY_SET, ADDITEMS, FROZENSET
  [0x8f, (m) => m.push({ kind: 'set', items: [] })],
  [0x90, (m) => m.addItems(m.popToMark())],
  [0x91, (m) => m.push({ kind: 'set', items: m.popToMark() })],
  // BINGET, LONG_BINGET, BINPUT, LONG_BINPUT, MEMOIZE
  [0x68, (m) => m.get(m.uint8())],
  [0x6a, (m) => m.get(m.uint32())],
  [0x71, (m) => m.put(m.uint8())],
  [0x72, (m) => m.put(m.uint32())],
  [0x94, (m) => m.memoize()],
  // GLOBAL, STACK_GLOBAL
  [0x63, (m) => m.global(m.line(), m.line())],
  [0x93, (m) => m.global(...pair(m))],
  // REDUCE, NEWOBJ, NEWOBJ_EX, OBJ, BUILD, BINPERSID
  [0x52, (m) => m.call(...pair(m))],
  [0x81, (m) => m.call(...pair(m))],
  [0x92, callWithNames],
  [0x6f, callMarked],
  [0x62, (m) => m.build()],
  [0x51, (m) => m.persistentId()],
]);
