import type { backend_util } from '@tensorflow/tfjs-core';
import { type WasmBackend, withStructure } from './heap.js';

/** The structure `Windows` of assembly/windows.ts, which says what its members mean, in their order. */
const members = [
  'height',
  'width',
  'channels',
  'batch',
  'gridHeight',
  'gridWidth',
  'strideHeight',
  'strideWidth',
  'padTop',
  'padLeft',
  'tapRows',
  'tapColumns',
  'dilationHeight',
  'dilationWidth',
  'outHeight',
  'outWidth',
  'outTop',
  'outLeft',
  'outStepHeight',
  'outStepWidth',
  'filterWidth',
  'filterTop',
  'filterLeft',
  'filterStepHeight',
  'filterStepWidth',
  'outChannels',
] as const;

export type Windows = Readonly<Record<(typeof members)[number], number>>;

/** The windows that a convolution sees of its input. */
export function windowsOf(info: backend_util.Conv2DInfo): Windows {
  return {
    height: info.inHeight,
    width: info.inWidth,
    channels: info.inChannels,
    batch: info.batchSize,
    gridHeight: info.outHeight,
    gridWidth: info.outWidth,
    strideHeight: info.strideHeight,
    strideWidth: info.strideWidth,
    padTop: info.padInfo.top,
    padLeft: info.padInfo.left,
    tapRows: info.filterHeight,
    tapColumns: info.filterWidth,
    dilationHeight: info.dilationHeight,
    dilationWidth: info.dilationWidth,
    outHeight: info.outHeight,
    outWidth: info.outWidth,
    outTop: 0,
    outLeft: 0,
    outStepHeight: 1,
    outStepWidth: 1,
    filterWidth: info.filterWidth,
    filterTop: 0,
    filterLeft: 0,
    filterStepHeight: 1,
    filterStepWidth: 1,
    outChannels: info.outChannels,
  };
}

/** Runs `body` with the address of the structure, and of as much scratch memory as `bytesOf` asks for. */
export function withWindows(
  backend: WasmBackend,
  windows: Windows,
  bytesOf: (address: number) => number,
  body: (address: number, scratch: number) => void,
): void {
  const integers = members.map((member) => windows[member]);
  withStructure(backend, { integers }, bytesOf, body);
}
