import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { errorCode, firstLine, UserError } from './user_error.js';
import { provideWebGpu } from './webgpu.js';

/** `tensorflow` is tfjs-node, or tfjs-node-gpu where a GPU is asked for; `webgpu` any GPU, by the package webgpu. */
export type BackendName = 'wasm' | 'tensorflow' | 'webgpu' | 'cpu';

/** What `selectBackend` is asked for. */
export interface BackendOptions {
  /** Default `wasm`, or `tensorflow` where a GPU is asked for. */
  backend?: BackendName;
  /** Number of the GPU, such as `0`: needs the package @tensorflow/tfjs-node-gpu. */
  gpu?: string;
  /** Take a GPU that is a program, such as SwiftShader, on `webgpu`. Default false. */
  allowSoftwareGpu?: boolean;
}

const packageOf: Record<BackendName, string> = {
  wasm: '@tensorflow/tfjs-backend-wasm',
  tensorflow: '@tensorflow/tfjs-node',
  webgpu: '@tensorflow/tfjs-backend-webgpu',
  cpu: '@tensorflow/tfjs-backend-cpu',
};

/**
 * Loads a backend and makes it the one in use. The slow `cpu` backend is used only when named.
 *
 * @returns A description for people, such as `wasm (SIMD)`.
 * @throws UserError when the backend is unknown, its package is missing (how to install it) or fails
 *   to start (why), and when `webgpu` finds no GPU.
 *
 * @example
 * console.log(await selectBackend()); // wasm (SIMD)
 */
export async function selectBackend({
  backend,
  gpu,
  allowSoftwareGpu = false,
}: BackendOptions = {}): Promise<string> {
  const name = backend ?? (gpu === undefined ? 'wasm' : 'tensorflow');
  if (!Object.hasOwn(packageOf, name)) {
    throw new UserError(
      'InvalidSettings',
      `unknown backend '${name}': use one of ${Object.keys(packageOf).join(', ')}`,
    );
  }
  if (gpu !== undefined && !/^\d+(,\d+)*$/.test(gpu)) {
    throw new UserError(
      'InvalidSettings',
      `--gpu is '${gpu}': expected the number of a GPU, such as 0`,
    );
  }
  if (gpu !== undefined && name !== 'tensorflow') {
    throw new UserError(
      'InvalidSettings',
      `--gpu ${gpu} needs the tensorflow backend, but --backend says ${name}`,
    );
  }
  if (allowSoftwareGpu && name !== 'webgpu') {
    throw new UserError(
      'InvalidSettings',
      `--allow-software-gpu is for the webgpu backend, not for ${name}`,
    );
  }
  if (gpu !== undefined) process.env.CUDA_VISIBLE_DEVICES = gpu;
  const packageName = gpu === undefined ? packageOf[name] : '@tensorflow/tfjs-node-gpu';
  const adapter =
    name === 'webgpu' ? await provideWebGpu({ allowSoftware: allowSoftwareGpu }) : undefined;
  await load(packageName, gpu);
  if (!(await tf.setBackend(name))) {
    throw new UserError(
      'BackendUnavailable',
      `the ${name} backend did not start; is ${packageName} installed whole?`,
    );
  }
  return adapter === undefined ? describe(name, packageName, gpu) : `webgpu (${adapter})`;
}

async function load(packageName: string, gpu: string | undefined): Promise<void> {
  restoreNodeFunctions();
  try {
    await import(packageName);
  } catch (error) {
    const missing = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(errorCode(error) ?? '');
    const reason =
      missing && String(error).includes(packageName) ? 'is not installed' : 'does not load';
    const detail = reason === 'is not installed' ? '' : ` (${firstLine(error)})`;
    const without = gpu === undefined ? '--backend' : '--gpu';
    throw new UserError(
      'BackendUnavailable',
      `${packageName} ${reason}${detail}: run \`npm install ${packageName}@${tf.version_core}\`, ` +
        `or leave out ${without} to run on wasm`,
      { cause: error },
    );
  }
}

/** tfjs-node calls two functions that Node has no longer, from 23 on. */
export function restoreNodeFunctions(): void {
  const module = util as unknown as Record<string, unknown>;
  module.isArray ??= Array.isArray;
  module.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
}

async function describe(name: BackendName, packageName: string, gpu?: string): Promise<string> {
  if (name !== 'wasm')
    return gpu === undefined ? `${name} (${packageName})` : `${name}, GPU ${gpu}`;
  const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT');
  return `wasm (${simd ? 'SIMD' : 'no SIMD'})`;
}
