/** btn-layers/weights: weights in and out, as PyTorch's files and safetensors hold them, and names between them and our models. Runs in browsers. */
export {
  type ApplyOptions,
  type ApplyReport,
  applyStateDict,
  type ShapeMismatch,
  StateDictError,
} from './apply_state_dict.js';
export { type BtnParts, type Identity, identifyStateDict } from './identify.js';
export { loadTorchCheckpoint } from './load_torch_checkpoint.js';
export { type RenameTable, renameStateDict, splitIr50Body } from './rename.js';
export {
  readSafetensors,
  type Safetensors,
  SafetensorsError,
  type SafetensorsErrorCode,
  writeSafetensors,
} from './safetensors.js';
export {
  bytesPerElement,
  type DataOf,
  type Dtype,
  elementCount,
  type StateDict,
  type StateTensor,
  tensorBytes,
  tensorFromBytes,
  toFloat32,
} from './state_dict.js';
export { toStateDict } from './to_state_dict.js';
export { readTorchFile } from './torch/torch_file.js';
export { TorchFileError, type TorchFileErrorCode } from './torch/torch_file_error.js';
export type {
  TorchDict,
  TorchGlobal,
  TorchObject,
  TorchSet,
  TorchStorage,
  TorchTensor,
  TorchTuple,
  TorchValue,
} from './torch/torch_values.js';
