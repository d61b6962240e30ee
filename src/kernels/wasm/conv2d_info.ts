import { backend_util } from '@tensorflow/tfjs-core';
import { UnsupportedError } from '../../ops/errors.js';

type Shape4D = [number, number, number, number];
type Compute = Parameters<typeof backend_util.computeConv2DInfo>;

/** What the kernels of convolutions and their gradients are told of one. */
interface Conv2DGeometry {
  strides: Compute[2];
  pad: Compute[4];
  dilations?: Compute[3];
  dimRoundingMode?: Compute[5];
}

/** Sizes and paddings of a convolution with this input and filter. */
export function conv2dInfo(
  xShape: readonly number[],
  filterShape: readonly number[],
  { strides, pad, dilations = 1, dimRoundingMode }: Conv2DGeometry,
  isDepthwise = false,
): backend_util.Conv2DInfo {
  return backend_util.computeConv2DInfo(
    xShape as Shape4D,
    filterShape as Shape4D,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    isDepthwise,
  );
}

/** @throws UnsupportedError for any data format but NHWC, the only one of tfjs-backend-wasm as well. */
export function checkChannelsLast(dataFormat: string | undefined): void {
  if (dataFormat === undefined || dataFormat === 'NHWC') return;
  throw new UnsupportedError(
    'Unsupported',
    `conv2d on wasm computes in data format NHWC only, but dataFormat is ${dataFormat}`,
  );
}
