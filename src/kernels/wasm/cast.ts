import { Cast, type CastAttrs, getKernel, NotEqual, type TensorInfo } from '@tensorflow/tfjs-core';
import { addressOf, defineKernel } from './heap.js';

/** `Cast`: to bool it asks "is it zero?"; the stock kernel keeps the low byte of the truncated number instead. */
export const cast = defineKernel<'x', CastAttrs>(Cast, (stock) => (args) => {
  const { inputs, backend, attrs } = args;
  const { x } = inputs;
  const isNumber = x.dtype === 'float32' || x.dtype === 'int32';
  if (attrs.dtype === 'bool' && isNumber) {
    const zero = backend.makeOutput([], x.dtype);
    const address = addressOf(backend, zero);
    backend.wasm.HEAPU8.fill(0, address, address + 4);
    const { kernelFunc } = getKernel(NotEqual, 'wasm');
    const out = kernelFunc({ inputs: { a: x, b: zero }, backend }) as TensorInfo;
    backend.disposeData(zero.dataId);
    return out;
  }
  if (stock) return stock(args);
  throw new Error(`cast to ${attrs.dtype} needs tfjs-backend-wasm`);
});
