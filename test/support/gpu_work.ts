/** Counts what a computation asks of a GPU, which is known where no time is: on SwiftShader. */
import * as tf from '@tensorflow/tfjs-core';

export interface GpuWork {
  /** Shaders started. */
  dispatches: number;
  /** Bytes of the buffers that shaders read and write: each buffer once for each shader. */
  moved: number;
  /** The most bytes of buffers that were in use at a time, beyond those in use before. */
  held: number;
}

type Run = (program: object, inputs: tf.TensorInfo[], ...rest: unknown[]) => tf.TensorInfo;

/** What we use of `WebGPUBackend`. */
interface Backend {
  readonly bufferManager: { numBytesUsed: number; acquireBuffer(...args: unknown[]): object };
  runWebGPUProgram: Run;
}

const bytesOf = ({ shape }: tf.TensorInfo) => 4 * tf.util.sizeFromShape(shape);

/** Counts what `run` asks of the backend webgpu. Its inputs must be on the GPU, and nothing queued. */
export function countGpuWork(run: () => void): GpuWork {
  const backend = tf.backend() as unknown as Backend;
  const { bufferManager } = backend;
  const { runWebGPUProgram } = backend;
  const { acquireBuffer } = bufferManager;
  const before = bufferManager.numBytesUsed;
  const work = { dispatches: 0, moved: 0, held: 0 };
  backend.runWebGPUProgram = (program, inputs, ...rest) => {
    const output = runWebGPUProgram.call(backend, program, inputs, ...rest);
    work.dispatches++;
    for (const tensor of [...inputs, output]) work.moved += bytesOf(tensor);
    return output;
  };
  bufferManager.acquireBuffer = (...args) => {
    const buffer = acquireBuffer.apply(bufferManager, args);
    work.held = Math.max(work.held, bufferManager.numBytesUsed - before);
    return buffer;
  };
  try {
    run();
  } finally {
    Object.assign(backend, { runWebGPUProgram });
    Object.assign(bufferManager, { acquireBuffer });
  }
  return work;
}
