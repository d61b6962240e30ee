import { describe, expect, it } from 'vitest';
import type { TorchFileErrorCode } from '../../../src/weights/torch/torch_file_error.js';
import type { TorchValue } from '../../../src/weights/torch/torch_values.js';
import { int, littleEndian, pickleCode, readPickle, text, torchZip } from './torch_bytes.js';

const tuple = (...items: TorchValue[]): TorchValue => ({ kind: 'tuple', items });
const uint32 = (value: number) => littleEndian(value, 4);
const uint64 = (value: number | bigint) => littleEndian(value, 8);

describe('a pickle', () => {
  it.each<[string, string, TorchValue]>([
    ['None', 'N.', null],
    ['True and False', '\x88\x89\x86.', tuple(true, false)],
    ['bools of protocol 1', 'I01\nI00\n\x86.', tuple(true, false)],
    ['ints of protocol 1', 'I-17\nL99999999999999999999L\n\x86.', tuple(-17, 10n ** 20n - 1n)],
    ['BININT', `J${uint32(-2)}.`, -2],
    ['BININT1 and BININT2', 'K\xffM\xff\xff\x86.', tuple(255, 65535)],
    ['LONG1 of no bytes', '\x8a\x00.', 0],
    ['LONG1 and LONG4', `\x8a\x01\xff\x8b${uint32(2)}\x00\x80\x86.`, tuple(-1, -32768)],
    ['a number beyond 2^53', `\x8a\x08${uint64(2n ** 60n)}.`, 2n ** 60n],
    ['a negative number beyond 2^64', `\x8a\x09${uint64(0)}\xfe.`, -(2n ** 65n)],
    ['a positive one of 17 bytes', `\x8a\x11${uint64(-1)}${uint64(0)}\x00.`, 2n ** 64n - 1n],
    ['BINFLOAT', 'G\x3f\xf8\x00\x00\x00\x00\x00\x00.', 1.5],
    ['BINUNICODE', `X${uint32(2)}\xc3\xa9.`, 'é'],
    ['BINUNICODE8', `\x8d${uint64(1)}a.`, 'a'],
    ['a byte order mark', `X${uint32(3)}\xef\xbb\xbf.`, '\ufeff'],
    ['text of Python 2', `T${uint32(1)}aU\x01b\x86.`, tuple('a', 'b')],
    ['bytes of Python 2', 'U\x01\xff.', Uint8Array.of(255)],
    ['BINBYTES', `B${uint32(1)}\xffC\x01\x00\x86.`, tuple(Uint8Array.of(255), Uint8Array.of(0))],
    [
      'BINBYTES8, BYTEARRAY8',
      `\x8e${uint64(0)}\x96${uint64(1)}a\x86.`,
      tuple(new Uint8Array(), Uint8Array.of(97)),
    ],
    ['lists', `](K\x01K\x02eK\x03a.`, [1, 2, 3]],
    [
      'LIST and DICT',
      '((K\x01l(K\x02K\x03dt.',
      tuple([1], { kind: 'dict', type: 'dict', entries: [[2, 3]] }),
    ],
    ['tuples', 'K\x01\x85K\x01K\x02K\x03\x87)\x87.', tuple(tuple(1), tuple(1, 2, 3), tuple())],
    ['SETITEM', '}K\x01K\x02s.', { kind: 'dict', type: 'dict', entries: [[1, 2]] }],
    [
      'sets',
      '\x8f(K\x01\x90(K\x02\x91\x86.',
      tuple({ kind: 'set', items: [1] }, { kind: 'set', items: [2] }),
    ],
    ['the memo', '(K\x01q\x05K\x02r\x00\x01\x00\x00h\x05j\x00\x01\x00\x00t.', tuple(1, 2, 1, 2)],
    ['MEMOIZE', '(K\x07\x94K\x08\x94h\x00h\x01t.', tuple(7, 8, 7, 8)],
    ['POP, POP_MARK, DUP', 'K\x01(K\x02K\x031K\x040(02\x86.', tuple(1, 1)],
    ['frames', `\x80\x04\x95${uint64(2)}N.`, null],
    [
      'names',
      `cos\nsystem\n${text('a')}${text('b.c')}\x93\x86.`,
      tuple(
        { kind: 'global', module: 'os', name: 'system' },
        { kind: 'global', module: 'a', name: 'b.c' },
      ),
    ],
    [
      'a call',
      'cos\nsystem\nK\x01\x85R.',
      { kind: 'object', module: 'os', name: 'system', args: [1] },
    ],
    [
      'the call of a result',
      'cos\nsystem\n)R)R.',
      {
        kind: 'object',
        module: '',
        name: '',
        args: [{ kind: 'object', module: 'os', name: 'system', args: [] }, tuple()],
      },
    ],
    [
      'a call of what is no name',
      'K\x01)R.',
      { kind: 'object', module: '', name: '', args: [1, tuple()] },
    ],
    [
      'NEWOBJ and BUILD',
      'ca\nB\n)\x81}b.',
      {
        kind: 'object',
        module: 'a',
        name: 'B',
        args: [],
        state: { kind: 'dict', type: 'dict', entries: [] },
      },
    ],
    [
      'NEWOBJ_EX',
      'ca\nB\n)}\x92.',
      {
        kind: 'object',
        module: 'a',
        name: 'B',
        args: [],
        namedArgs: { kind: 'dict', type: 'dict', entries: [] },
      },
    ],
    ['OBJ', '(ca\nB\nK\x01o.', { kind: 'object', module: 'a', name: 'B', args: [1] }],
    [
      'kinds of list and dict',
      'ca\nB\n)\x81K\x01aK\x02K\x03s(K\x04\x90.',
      { kind: 'object', module: 'a', name: 'B', args: [], items: [1, 4], entries: [[2, 3]] },
    ],
    [
      'an OrderedDict of Python 2',
      'ccollections\nOrderedDict\n](](K\x01K\x02eK\x03K\x04\x86e\x85R.',
      {
        kind: 'dict',
        type: 'OrderedDict',
        entries: [
          [1, 2],
          [3, 4],
        ],
      },
    ],
    [
      'a key twice',
      '}(K\x01K\x02K\x01K\x03u.',
      {
        kind: 'dict',
        type: 'dict',
        entries: [
          [1, 2],
          [1, 3],
        ],
      },
    ],
    [
      'keys that are names of JavaScript',
      `}(${text('__proto__')}K\x01${text('constructor')}K\x02u.`,
      {
        kind: 'dict',
        type: 'dict',
        entries: [
          ['__proto__', 1],
          ['constructor', 2],
        ],
      },
    ],
    [
      'names of JavaScript',
      'cconstructor\n__proto__\n)R.',
      { kind: 'object', module: 'constructor', name: '__proto__', args: [] },
    ],
  ])('has %s', (_, pickle, value) => {
    expect(readPickle(pickle)).toEqual(value);
  });

  it('may hold itself', () => {
    const list = readPickle(']q\x00h\x00a.') as TorchValue[];
    expect(list[0]).toBe(list);
    const tuple = readPickle(']q\x00h\x00\x85q\x01a0h\x01.');
    expect(tuple).toMatchObject({ kind: 'tuple' });
  });

  it.each<[string, string, TorchFileErrorCode]>([
    ['no bytes', '', 'TruncatedPickle'],
    ['no STOP', 'N', 'TruncatedPickle'],
    ['nothing to return', '.', 'InvalidPickle'],
    ['nothing but a MARK', 'N(.', 'InvalidPickle'],
    ['protocol 6', '\x80\x06N.', 'UnsupportedPickle'],
    ['a frame past the end', `\x95${uint64(3)}N.`, 'TruncatedPickle'],
    ['a frame of 2^64 − 1', `\x95${uint64(-1)}N.`, 'TruncatedPickle'],
    ['an opcode of none', '\xffN.', 'UnsupportedPickle'],
    ['EXT1', '\x82\x01.', 'UnsupportedPickle'],
    ['EXT2', '\x83\x01\x00.', 'UnsupportedPickle'],
    ['EXT4', '\x84\x01\x00\x00\x00.', 'UnsupportedPickle'],
    ['NEXT_BUFFER', '\x97.', 'UnsupportedPickle'],
    ['READONLY_BUFFER', 'C\x00\x98.', 'UnsupportedPickle'],
    ['INST', '(ios\nsystem\n.', 'UnsupportedPickle'],
    ['PERSID', 'P0\n.', 'UnsupportedPickle'],
    ['STRING', "S'a'\n.", 'UnsupportedPickle'],
    ['text past the end', `X${uint32(5)}ab.`, 'TruncatedPickle'],
    ['text of 4 GB', `X${uint32(-1)}ab.`, 'PickleOverflow'],
    ['text of 2^64 − 1 bytes', `\x8d${uint64(-1)}ab.`, 'PickleOverflow'],
    ['bytes of 2^64 − 1', `\x8e${uint64(-1)}ab.`, 'TruncatedPickle'],
    ['a string of −1 bytes', `T${uint32(-1)}ab.`, 'InvalidPickle'],
    ['text that is not UTF-8', '\x8c\x01\xff.', 'InvalidPickle'],
    ['half of a surrogate pair', '\x8c\x03\xed\xa0\x80.', 'InvalidPickle'],
    ['a number of −1 bytes', `\x8b${uint32(-1)}.`, 'PickleOverflow'],
    ['a number of 2000 bytes', `\x8b${uint32(2000)}${'a'.repeat(2000)}.`, 'PickleOverflow'],
    ['a number past the end', '\x8a\x05\x00.', 'TruncatedPickle'],
    ['a number of letters', 'Iabc\n.', 'InvalidPickle'],
    ['a number of no digits', 'I\n.', 'InvalidPickle'],
    ['a line of 1000 digits', `L${'1'.repeat(1000)}L\n.`, 'InvalidPickle'],
    ['a line without an end', 'cos', 'TruncatedPickle'],
    ['a name that is a number', `K\x01${text('a')}\x93.`, 'InvalidPickle'],
    ['a name of 600 letters', `X${uint32(600)}${'a'.repeat(600)}2\x93.`, 'InvalidPickle'],
    ['a tuple of too little', 'K\x01\x86.', 'InvalidPickle'],
    ['a TUPLE without MARK', 't.', 'InvalidPickle'],
    ['a tuple across a MARK', 'K\x01(K\x02\x86.', 'InvalidPickle'],
    ['POP of nothing', '0.', 'InvalidPickle'],
    ['DUP of nothing', '2.', 'InvalidPickle'],
    ['a GET of nothing', 'h\x00.', 'InvalidPickle'],
    ['a PUT of nothing', 'q\x00N.', 'InvalidPickle'],
    ['a PUT far away', `Nr${uint32(-1)}.`, 'InvalidPickle'],
    ['APPEND to a tuple', ')K\x01a.', 'InvalidPickle'],
    ['ADDITEMS to a dict', '}(K\x01\x90.', 'InvalidPickle'],
    ['SETITEM of a list', ']K\x01K\x02s.', 'InvalidPickle'],
    ['a key without value', '}(K\x01u.', 'InvalidPickle'],
    ['a call without a tuple', 'cos\nsystem\nNR.', 'InvalidPickle'],
    ['OBJ without a class', '(o.', 'InvalidPickle'],
    ['BUILD of a list', ']}b.', 'InvalidPickle'],
    ['BUILD of a name', 'cos\nsystem\n}b.', 'InvalidPickle'],
    ['a persistent id that is no tuple', 'NQ.', 'InvalidStorage'],
  ])('is refused for %s', (_, pickle, code) => {
    expect(pickleCode(pickle)).toBe(code);
  });

  const million = 1_000_000;
  it.each<[string, string, TorchFileErrorCode | 'ok']>([
    ['lists in lists', `${']'.repeat(million)}${'a'.repeat(million - 1)}.`, 'ok'],
    ['tuples in tuples', `)${'\x85'.repeat(million)}.`, 'ok'],
    ['dicts in dicts', `${'}N'.repeat(million)}N${'s'.repeat(million)}.`, 'ok'],
    ['calls of results', `cos\nsystem\n${')R'.repeat(million)}.`, 'ok'],
    ['marks', `${'('.repeat(million)}N.`, 'ok'],
    [
      'scattered memo entries',
      `N${Array.from({ length: 300_000 }, (_, i) => `r${uint32((i * 2654435761) % 2 ** 22)}`).join('')}.`,
      'ok',
    ],
    ['items at once', `](${'N'.repeat(million)}e.`, 'ok'],
    ['arguments', `(cos\nsystem\n${'N'.repeat(million)}o.`, 'ok'],
    ['copies of a frame', `${`\x95${uint64(1)}`.repeat(100_000)}N.`, 'ok'],
    ['values, five million', `${'}'.repeat(5 * million)}.`, 'PickleOverflow'],
    [
      'copies of a list of pairs',
      `](${'))\x86'.repeat(1000)}e\x85q\x00` +
        `ccollections\nOrderedDict\nq\x01${'h\x01h\x00R0'.repeat(1000)}.`,
      'PickleOverflow',
    ],
  ])('takes little time for a million: %s', (_, pickle, code) => {
    const file = torchZip(pickle);
    const begin = performance.now();
    expect(pickleCode(pickle)).toBe(code);
    expect(file.length).toBeLessThan(10 * million);
    expect(performance.now() - begin).toBeLessThan(20_000);
  });

  it('compares long keys that are equal in no time', () => {
    const key = `X${uint32(500_000)}${'k'.repeat(500_000)}`;
    const pickle = `${key}q\x00${key}q\x01}(${`h\x00${int(1)}h\x01${int(2)}`.repeat(100_000)}u.`;
    const begin = performance.now();
    expect(pickleCode(pickle)).toBe('ok');
    expect(performance.now() - begin).toBeLessThan(10_000);
  });
});
