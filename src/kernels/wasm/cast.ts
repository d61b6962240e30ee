import { Cast, type CastAttrs, util } from '@tensorflow/tfjs-core';
import { UnsupportedError } from '../../ops/errors.js';
import { addressOf, defineKernel, heapFloats, heapInts } from './heap.js';

/** `Cast`: to bool it asks "is it zero?"; the stock kernel keeps the low byte of the truncated number instead. */
export const cast = defineKernel<'x', CastAttrs>(Cast, (stock) => (args) => {
  const { inputs, backend, attrs } = args;
  const { x } = inputs;
  if (attrs.dtype === 'bool' && (x.dtype === 'float32' || x.dtype === 'int32')) {
    const out = backend.makeOutput(x.shape, 'bool');
    const values = x.dtype === 'float32' ? heapFloats(backend) : heapInts(backend);
    const from = addressOf(backend, x) >>> 2;
    const to = addressOf(backend, out);
    const bytes = backend.wasm.HEAPU8;
    const size = util.sizeFromShape(x.shape);
    for (let i = 0; i < size; i++) bytes[to + i] = values[from + i] === 0 ? 0 : 1;
    return out;
  }
  if (stock) return stock(args);
  throw new UnsupportedError('Unsupported', `cast to ${attrs.dtype} needs tfjs-backend-wasm`);
});
