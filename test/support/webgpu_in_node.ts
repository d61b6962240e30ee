/**
 * Reads tensors at once (`dataSync`) on WebGPU in Node, as tests do. tfjs-backend-webgpu reads at once through a
 * canvas, which Node has not; programs `await tensor.data()`.
 */
import * as tf from '@tensorflow/tfjs-core';

interface Buffer {
  readonly size: number;
  readonly mapState: 'unmapped' | 'pending' | 'mapped';
  mapAsync(mode: number): Promise<void>;
  getMappedRange(): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

/** What we use of `WebGPUBackend`. */
interface Backend {
  readonly device: { createBuffer(descriptor: { size: number; usage: number }): Buffer };
  readonly tensorMap: {
    get(dataId: object): { values: tf.BackendValues | null; dtype: tf.DataType; resource: Buffer };
  };
  commandEncoder: {
    copyBufferToBuffer(from: Buffer, at: number, to: Buffer, toAt: number, size: number): void;
  };
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  convertAndCacheOnCPU(dataId: object, values: tf.BackendValues): tf.BackendValues;
  readSync(dataId: object): tf.BackendValues;
}

/** `GPUMapMode.READ`, which is `GPUBufferUsage.MAP_READ` too, and `GPUBufferUsage.COPY_DST`. */
const [read, copyTarget] = [1, 8];

/**
 * Starts the backend by `start` so that it reads at once.
 *
 * Dawn delivers results from a callback that it hands to `setImmediate`; called by hand, the callback delivers them
 * at once.
 */
export async function startReadingAtOnce(start: () => Promise<unknown>): Promise<void> {
  const later = globalThis.setImmediate;
  const callbacks: (() => void)[] = [];
  const spy = (callback: () => void, ...rest: []) => {
    if (/\[native code\]/.test(String(callback))) callbacks.push(callback);
    return later(callback, ...rest);
  };
  globalThis.setImmediate = Object.assign(spy, { __promisify__: later.__promisify__ });
  await start().finally(() => {
    globalThis.setImmediate = later;
  });
  const deliver = callbacks[0];
  // It was started before.
  if (!deliver) return;
  const backend = tf.backend() as unknown as Backend;
  backend.readSync = (dataId) => {
    const { values, dtype, resource } = backend.tensorMap.get(dataId);
    if (values) return values;
    const bytes = readBuffer(backend, resource, deliver);
    const type = dtype as 'float32' | 'int32' | 'bool';
    return backend.convertAndCacheOnCPU(
      dataId,
      tf.util.convertBackendValuesAndArrayBuffer(bytes, type) as tf.BackendValues,
    );
  };
}

function readBuffer(backend: Backend, source: Buffer, deliver: () => void): ArrayBuffer {
  const { size } = source;
  const target = backend.device.createBuffer({ size, usage: read | copyTarget });
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.commandEncoder.copyBufferToBuffer(source, 0, target, 0, size);
  backend.submitQueue();
  target.mapAsync(read).catch(() => {});
  while (target.mapState === 'pending') deliver();
  const bytes = target.getMappedRange().slice(0);
  target.unmap();
  target.destroy();
  return bytes;
}
