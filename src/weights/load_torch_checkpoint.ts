import type { StateDict } from './state_dict.js';
import { checkSupported, TensorData } from './torch/tensor_data.js';
import { openTorchFile } from './torch/torch_file.js';
import { quoted, TorchFileError } from './torch/torch_file_error.js';
import {
  describe,
  entryOf,
  isKind,
  type TorchDict,
  type TorchObject,
  type TorchTensor,
  type TorchValue,
} from './torch/torch_values.js';

/** Under which training scripts keep a state dict; the first found is taken. */
const wrapperNames = ['state_dict', 'model_state_dict', 'model', 'net'];
const maxWrappers = 4;

/** Set before every name by `torch.nn.DataParallel`. */
const parallelPrefix = 'module.';

/** Stands beside `module.…` in the state dict of `torch.optim.swa_utils.AveragedModel`. */
const averagedCount = 'n_averaged';

const spareCopyBytes = 64 * 2 ** 20;

/**
 * Reads a state dict from a file of PyTorch's `torch.save`, in the zip format or the one before
 * PyTorch 1.6.
 *
 * The state dict may be the whole file or be kept in a checkpoint under `state_dict`,
 * `model_state_dict`, `model` or `net`. Its names lose the prefix `module.` if all have it. Numbers,
 * bools and None in it are left out. Other objects of a checkpoint, of whatever class, are ignored.
 *
 * Nothing in the file is run: only PyTorch's own few names have a meaning here. Time and memory are
 * bounded for any file. Tensors in row-major order share the memory of one copy of their storage
 * (or `bytes` themselves, in the older format); only others are copied once more.
 *
 * @param bytes the file, of less than 4 GB.
 * @throws TorchFileError, whose `code` tells the check that failed, for any other file.
 *
 * @example
 * const file = await readFile('checkpoint.pth'); // of torch.save; in a browser, a File's arrayBuffer()
 * const stateDict = loadTorchCheckpoint(new Uint8Array(file));
 * for (const [name, { dtype, shape }] of stateDict) console.log(name, dtype, shape);
 * // conv.weight float32 [ 3, 2, 1, 1 ]
 * // conv.bias float32 [ 3 ]
 * // norm.weight float32 [ 3 ]
 * // norm.bias float32 [ 3 ]
 * // norm.running_mean float32 [ 3 ]
 * // norm.running_var float32 [ 3 ]
 * // norm.num_batches_tracked int64 []
 */
export function loadTorchCheckpoint(bytes: Uint8Array): StateDict {
  const { value, bytesOf } = openTorchFile(bytes);
  const tensors = withoutPrefix(tensorsOf(findStateDict(value)));
  for (const [name, tensor] of tensors) checkSupported(quoted(name), tensor);
  const used = [...tensors.values()].filter(({ shape }) => !shape.includes(0));
  const storages = bytesOf(new Set(used.map(({ storage }) => storage.key)));
  const data = new TensorData(storages, 2 * bytes.length + spareCopyBytes);
  return new Map([...tensors].map(([name, tensor]) => [name, data.read(tensor)]));
}

function findStateDict(root: TorchValue): TorchDict {
  let value = root;
  for (let level = 0; level <= maxWrappers; level++) {
    if (isModule(value)) {
      throw new TorchFileError(
        'WholeModule',
        'it holds a whole module, which needs its class to be run; in PyTorch, save ' +
          'model.state_dict() instead of model',
      );
    }
    if (!isKind(value, 'dict')) {
      throw new TorchFileError('NoStateDict', `it holds ${describe(value)} and no state dict`);
    }
    const inner = unwrap(value);
    if (inner === undefined) return value;
    value = inner;
  }
  throw new TorchFileError('NoStateDict', 'its dicts are nested too deeply');
}

function unwrap({ entries }: TorchDict): TorchValue | undefined {
  return wrapperNames
    .map((name) => entryOf(entries, name))
    .find((value) => value !== undefined && (isKind(value, 'dict') || isModule(value)));
}

/** Every `nn.Module` has a dict of parameters and one of modules. */
function isModule(value: TorchValue): boolean {
  if (!isKind(value, 'object') || !isKind(value.state, 'dict')) return false;
  const { entries } = value.state;
  return ['_parameters', '_modules'].every((name) => entryOf(entries, name) !== undefined);
}

/** @throws TorchFileError unless every value is a tensor or says nothing on the weights. */
function tensorsOf({ entries }: TorchDict): Map<string, TorchTensor> {
  if (!entries.some(([, value]) => isKind(value, 'tensor') || isOtherTensor(value))) {
    const names = entries.slice(0, 8).map(([key]) => (typeof key === 'string' ? quoted(key) : '?'));
    throw new TorchFileError(
      'NoStateDict',
      `no dict of tensors is found, only one of ${names.join(', ') || 'nothing'}`,
    );
  }
  const tensors = new Map<string, TorchTensor>();
  for (const [name, value] of entries) {
    if (typeof name !== 'string') throw invalid(`${describe(name)} is a key of the state dict`);
    if (tensors.has(name)) throw invalid(`${quoted(name)} occurs twice`);
    if (isKind(value, 'tensor')) tensors.set(name, value);
    else if (!isHarmless(value)) throw notTensor(name, value);
  }
  return tensors;
}

function isHarmless(value: TorchValue): boolean {
  return value === null || ['number', 'bigint', 'boolean'].includes(typeof value);
}

/** Sparse tensors and the like are objects to `torch_objects.ts`. */
function isOtherTensor(value: TorchValue): value is TorchObject {
  return isKind(value, 'object') && value.module === 'torch._utils';
}

function notTensor(name: string, value: TorchValue): TorchFileError {
  if (isOtherTensor(value)) {
    return new TorchFileError(
      'UnsupportedTensor',
      `tensor ${quoted(name)} is not a plain tensor: it is made by ${quoted(value.name)}`,
    );
  }
  return invalid(`${quoted(name)} is ${describe(value)}, not a tensor`);
}

function invalid(message: string): TorchFileError {
  return new TorchFileError('InvalidStateDict', message);
}

function withoutPrefix(tensors: Map<string, TorchTensor>): Map<string, TorchTensor> {
  const hasPrefix = (name: string) => name.startsWith(parallelPrefix);
  const names = [...tensors.keys()].filter((name) => name !== averagedCount);
  if (!names.every(hasPrefix)) return tensors;
  const shortened = (name: string) => (hasPrefix(name) ? name.slice(parallelPrefix.length) : name);
  return new Map([...tensors].map(([name, tensor]) => [shortened(name), tensor]));
}
