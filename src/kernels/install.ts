import {
  getKernel,
  type KernelConfig,
  type KernelFunc,
  registerKernel,
  unregisterKernel,
} from '@tensorflow/tfjs-core';

/** A kernel that we supply: `create` receives the backend's own kernel, where there is one. */
export interface SuppliedKernel {
  readonly kernelName: string;
  create(stock: KernelFunc | undefined): KernelFunc;
}

/** Our kernels carry this mark, so that registering twice, even from two copies of this package, changes nothing. */
const mark = 'btnLayers';

type MarkedConfig = KernelConfig & { readonly [mark]?: true };

function install(backendName: string, { kernelName, create }: SuppliedKernel): void {
  const stock = getKernel(kernelName, backendName) as MarkedConfig | undefined;
  if (stock?.[mark]) return;
  if (stock) unregisterKernel(kernelName, backendName);
  const config: MarkedConfig = {
    // Keeps the stock kernel's set-up and disposal, which the stock kernel still needs.
    ...stock,
    kernelName,
    backendName,
    kernelFunc: create(stock?.kernelFunc),
    [mark]: true,
  };
  registerKernel(config);
}

/**
 * Registers kernels for a backend. Idempotent, and independent of the order of imports.
 *
 * A backend overwrites what is registered under its kernels' names when it is imported, so ours wait: we register one
 * kernel of our own, `carrier`, whose only purpose is its `setupFunc`, which the engine calls each time the backend is
 * set, and that puts ours in place. Where the backend was imported before us, they are put in place at once too.
 */
export function registerKernels(
  backendName: string,
  carrier: string,
  kernels: readonly SuppliedKernel[],
): void {
  const installAll = () => {
    for (const kernel of kernels) install(backendName, kernel);
  };
  if (!getKernel(carrier, backendName)) {
    registerKernel({
      kernelName: carrier,
      backendName,
      setupFunc: installAll,
      kernelFunc: () => {
        throw new Error(`${carrier} only carries a set-up function and computes nothing`);
      },
    });
  }
  if (getKernel('Conv2D', backendName)) installAll();
}
