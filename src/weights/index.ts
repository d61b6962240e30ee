export {
  type ApplyOptions,
  type ApplyReport,
  applyStateDict,
  type ShapeMismatch,
  StateDictError,
} from './apply_state_dict.js';
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
  type Dtype,
  elementCount,
  type StateDict,
  type StateTensor,
  tensorBytes,
  tensorFromBytes,
  toFloat32,
} from './state_dict.js';
export { toStateDict } from './to_state_dict.js';
