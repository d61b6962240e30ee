/** WebGPU in Node: Dawn, Chromium's own implementation, from the optional package webgpu. */
import { errorCode, firstLine, UserError } from './user_error.js';

/** The version that is tested, as package.json has it. */
const version = '0.6.2';

/** What we use of an adapter. */
interface Adapter {
  readonly info: {
    readonly vendor: string;
    readonly architecture: string;
    readonly description: string;
    readonly isFallbackAdapter?: boolean;
  };
}

interface Gpu {
  requestAdapter(options: { powerPreference: 'high-performance' }): Promise<Adapter | null>;
}

interface Dawn {
  create(options: string[]): Gpu;
  readonly globals: object;
}

/**
 * Puts `navigator.gpu` in place, which tfjs-backend-webgpu asks for.
 *
 * @returns What the graphics driver calls the adapter, such as `NVIDIA H100 PCIe`.
 * @throws UserError when the package webgpu is missing or does not load, when there is no adapter, or
 *   none but a software one and that was not asked for.
 */
export async function provideWebGpu({ allowSoftware = false } = {}): Promise<string> {
  const gpu = await navigatorGpu();
  // As tfjs-backend-webgpu asks, so that it gets the same one.
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new UserError(
      'BackendUnavailable',
      'no GPU was found that WebGPU can use: install a Vulkan driver (Linux) or a current graphics ' +
        'driver, or leave out --backend to run on wasm',
    );
  }
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const name = description || [vendor, architecture].filter((part) => part).join(' ');
  if (isFallbackAdapter && !allowSoftware) {
    throw new UserError(
      'BackendUnavailable',
      `the only GPU is software (${name}), slower than wasm: give --allow-software-gpu to use it ` +
        'all the same, or leave out --backend to run on wasm',
    );
  }
  return isFallbackAdapter ? `${name}, software` : name;
}

async function navigatorGpu(): Promise<Gpu> {
  const found = (globalThis.navigator as { gpu?: Gpu } | undefined)?.gpu;
  if (found) return found;
  const { create, globals } = await loadDawn();
  Object.assign(globalThis, globals);
  const gpu = create([]);
  // Node 20 has no navigator.
  if (!globalThis.navigator) {
    Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
  }
  Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true });
  return gpu;
}

async function loadDawn(): Promise<Dawn> {
  // A name that is not a literal: bundlers and type checkers leave it alone.
  const packageName = 'webgpu';
  try {
    return (await import(packageName)) as Dawn;
  } catch (error) {
    const isMissing = errorCode(error) === 'ERR_MODULE_NOT_FOUND';
    const reason = isMissing ? 'is not installed' : `does not load (${firstLine(error)})`;
    throw new UserError(
      'BackendUnavailable',
      `webgpu ${reason}: run \`npm install webgpu@${version}\`, or leave out --backend to run on wasm`,
      { cause: error },
    );
  }
}
