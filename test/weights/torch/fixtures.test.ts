import { describe, expect, it } from 'vitest';
import { loadTorchCheckpoint } from '../../../src/weights/load_torch_checkpoint.js';
import { tensorBytes } from '../../../src/weights/state_dict.js';
import { readTorchFile } from '../../../src/weights/torch/torch_file.js';
import {
  entryOf,
  isKind,
  type TorchObject,
  type TorchTensor,
  type TorchValue,
} from '../../../src/weights/torch/torch_values.js';
import { loadCode, readExpected, readFixture } from './torch_bytes.js';

const expected = Object.entries(readExpected());

/** The value at a path of names, through dicts and the attributes of objects. */
function at(value: TorchValue | undefined, ...path: string[]): TorchValue | undefined {
  return path.reduce<TorchValue | undefined>((found, name) => {
    const inner = isKind(found, 'object') ? found.state : found;
    return isKind(inner, 'dict') ? entryOf(inner.entries, name) : undefined;
  }, value);
}

describe('loadTorchCheckpoint', () => {
  const readable = expected.filter(([, { tensors }]) => tensors);
  it.each(readable)('reads what torch.load reads in %s', (file, { tensors }) => {
    const stateDict = loadTorchCheckpoint(readFixture(file));
    const found = [...stateDict].map(([name, tensor]) => {
      const hex = Buffer.from(tensorBytes(tensor)).toString('hex');
      return [name, { dtype: tensor.dtype, shape: tensor.shape, hex }];
    });
    expect(found).toEqual(Object.entries(tensors!));
  });

  const refused = expected.filter(([, { code }]) => code);
  it.each(refused)('refuses %s: $code', (file, { code }) => {
    expect(loadCode(readFixture(file))).toBe(code);
  });

  it.each(['zip', 'legacy'])('lets tensors share their storage in the %s format', (format) => {
    const bytes = readFixture(`${format}_views.pth`);
    const tensors = loadTorchCheckpoint(bytes);
    const whole = tensors.get('whole')!.data;
    expect(tensors.get('rows')!.data.buffer).toBe(whole.buffer);
    expect(tensors.get('parameter')!.data.buffer).toBe(whole.buffer);
    expect(tensors.get('again')).toBe(tensors.get('whole'));
    expect(tensors.get('turned')!.data.buffer).not.toBe(whole.buffer);
  });

  it('reads from any position in a buffer', () => {
    for (const file of ['zip_small.pth', 'legacy_small.pth']) {
      const bytes = readFixture(file);
      for (let shift = 0; shift < 9; shift++) {
        const shifted = new Uint8Array(bytes.length + shift).subarray(shift);
        shifted.set(bytes);
        expect(loadTorchCheckpoint(shifted)).toEqual(loadTorchCheckpoint(bytes));
        const buffer = Buffer.from(shifted.buffer, shift);
        expect(loadTorchCheckpoint(buffer)).toEqual(loadTorchCheckpoint(bytes));
      }
    }
  });
});

describe('readTorchFile', () => {
  it.each(['zip_training.pth', 'zip_training_5.pth', 'legacy_training.pth'])(
    'shows all of a training checkpoint in %s',
    (file) => {
      const checkpoint = readTorchFile(readFixture(file));
      expect(at(checkpoint, 'epoch')).toBe(12);
      expect(at(checkpoint, 'best_acc')).toMatchObject({ kind: 'tensor', shape: [] });
      expect(at(checkpoint, 'recorder')).toMatchObject({
        kind: 'object',
        module: '__main__',
        name: 'RecorderMeter',
        args: [],
      });
      expect(at(checkpoint, 'recorder', 'total_epoch')).toBe(3);
      const losses = at(checkpoint, 'recorder', 'epoch_losses') as TorchObject;
      expect(losses.module).toMatch(/^numpy\._?core\.(multiarray|numeric)$/);
      expect(at(checkpoint, 'args')).toMatchObject({ module: 'argparse', name: 'Namespace' });
      expect(at(checkpoint, 'args', 'data')).toBe('faces');
      expect(at(checkpoint, 'optimizer', 'param_groups')).toHaveLength(1);
      const moments = at(checkpoint, 'optimizer', 'state');
      const [key, moment] = isKind(moments, 'dict') ? moments.entries[0]! : [];
      expect(key).toBe(0);
      expect(at(moment, 'exp_avg')).toMatchObject({ kind: 'tensor', shape: [3, 2, 1, 1] });
      expect(at(checkpoint, 'counts')).toEqual({
        kind: 'dict',
        type: 'defaultdict',
        entries: [['happy', 2]],
      });
      expect(at(checkpoint, 'size')).toEqual({ kind: 'tuple', items: [2, 3] });
      expect(at(checkpoint, 'dtype')).toEqual({ kind: 'global', module: 'torch', name: 'float16' });
      expect(at(checkpoint, 'device')).toMatchObject({ module: 'torch', args: ['cuda', 1] });
      expect(at(checkpoint, 'words')).toEqual({
        kind: 'tuple',
        items: ['one', ['two', 3.5, 2n ** 80n, -(2 ** 40)]],
      });
    },
  );

  it('tells where tensors are and were', () => {
    const tensor = at(readTorchFile(readFixture('zip_cuda.pth')), 'conv.weight');
    expect((tensor as TorchTensor).storage.location).toBe('cuda:0');
    const view = at(readTorchFile(readFixture('zip_views.pth')), 'block');
    expect(view).toMatchObject({
      dtype: 'float32',
      shape: [2, 3],
      strides: [6, 1],
      offset: 8,
      storage: { count: 24, begin: 0 },
    });
    const old = at(readTorchFile(readFixture('legacy_view.pth')), 'view');
    expect(old).toMatchObject({ offset: 1, storage: { key: '7', count: 3, begin: 2 } });
  });

  it('keeps the versions that PyTorch sets on a state dict', () => {
    const stateDict = readTorchFile(readFixture('zip_protocol_2.pth'));
    expect(at(isKind(stateDict, 'dict') ? stateDict.state : undefined, '_metadata')).toMatchObject({
      type: 'OrderedDict',
    });
  });

  it('shows modules, commands and other kinds of tensors as records', () => {
    const net = readTorchFile(readFixture('whole_module.pth'));
    expect(net).toMatchObject({ kind: 'object', module: '__main__', name: 'Net' });
    expect(at(net, '_modules', 'conv', '_parameters', 'bias')).toMatchObject({ shape: [3] });
    expect(at(readTorchFile(readFixture('command_beside.pth')), 'run')).toEqual({
      kind: 'object',
      module: 'posix',
      name: 'system',
      args: ['echo this must never run'],
    });
    const beside = readTorchFile(readFixture('unsupported_beside.pth'));
    expect(at(beside, 'spectrum')).toMatchObject({ kind: 'tensor', dtype: 'complex64' });
    expect(at(beside, 'float8')).toMatchObject({ kind: 'tensor', dtype: 'float8_e4m3fn' });
    expect(at(beside, 'sparse')).toMatchObject({ name: '_rebuild_sparse_tensor' });
  });
});
