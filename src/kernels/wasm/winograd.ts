import { type CompiledKernels, compiledKernels } from './compiled.js';
import type { WasmBackend } from './heap.js';
import type { Windows } from './windows.js';

/** Positions along a tile of Winograd's algorithm. */
const tileSize = 4;

/** With fewer positions in an image, transforming the filter costs more than it saves. */
const fewestPositions = 96;

/**
 * Whether Winograd's algorithm is the faster one for a convolution with these windows: 3×3 taps, stride 1, no
 * dilation, channels in multiples of 8, at least 96 positions an image, at least half of each tile used. Measured
 * by `bench/winograd.ts`. It does not depend on the batch, so that an image gives the same in any.
 */
export function winogradPays(windows: Windows): boolean {
  const { gridHeight, gridWidth, channels, outChannels } = windows;
  const isThreeByThree = windows.tapRows === 3 && windows.tapColumns === 3;
  const isDense = [
    windows.strideHeight,
    windows.strideWidth,
    windows.dilationHeight,
    windows.dilationWidth,
    windows.outStepHeight,
    windows.outStepWidth,
  ].every((step) => step === 1);
  if (!isThreeByThree || !isDense || channels % 8 !== 0 || outChannels % 8 !== 0) return false;
  const tiled = (size: number) => Math.ceil(size / tileSize) * tileSize;
  const used = (gridHeight * gridWidth) / (tiled(gridHeight) * tiled(gridWidth));
  return gridHeight * gridWidth >= fewestPositions && used >= 0.5;
}

type ConvolutionKernels = Pick<
  CompiledKernels,
  'convolve' | 'convolveScratch' | 'filterGradient' | 'filterGradientScratch'
>;

/** The faster ones of the compiled convolution and filter gradient for these windows. */
export function convolutionKernels(backend: WasmBackend, windows: Windows): ConvolutionKernels {
  const kernels = compiledKernels(backend);
  if (!winogradPays(windows)) return kernels;
  return {
    convolve: kernels.winograd,
    convolveScratch: kernels.winogradScratch,
    filterGradient: kernels.winogradFilterGradient,
    filterGradientScratch: kernels.winogradFilterGradientScratch,
  };
}
