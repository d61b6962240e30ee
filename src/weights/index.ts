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
