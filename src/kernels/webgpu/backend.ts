/** What we use of tfjs-backend-webgpu. Declared here because it is an optional peer. */
import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';

type Three<T> = [x: T, y: T, z: T];

/** A shader, and what the backend must know to bind its buffers and start it. */
export interface WebgpuProgram {
  /** Of the pipeline; the backend adds ranks and types. */
  shaderKey: string;
  /** Names of the inputs' buffers. An entry point must read all of them. */
  variableNames: string[];
  /** Numbers in an element of each input's buffer: 1, 2 or 4. */
  variableComponents: number[];
  /** Numbers in an element of the buffer `result`: 1, 2 or 4. */
  outputComponent: number;
  outputShape: number[];
  /** Workgroups. */
  dispatch: Three<number>;
  /** Axes of the output along each axis of the dispatch. With a `y`, `main` has no parameter. */
  dispatchLayout: { x: number[]; y: number[] };
  workgroupSize: Three<number>;
  /** Members of the structure `uniforms`, after the backend's own. */
  uniforms: string;
  /** WGSL with `fn main()`. */
  getUserCode(): string;
}

export type Uniform = { type: 'int32' | 'float32'; data: number[] };

export interface WebgpuBackend {
  readonly device: {
    readonly limits: {
      readonly maxStorageBuffersPerShaderStage: number;
      readonly maxComputeWorkgroupsPerDimension: number;
    };
  };
  disposeData(dataId: TensorInfo['dataId']): boolean;
  /** Queues the program and returns its output, which is its only one. */
  runWebGPUProgram(
    program: WebgpuProgram,
    inputs: TensorInfo[],
    outputDtype: DataType,
    uniforms: Uniform[],
  ): TensorInfo;
}
