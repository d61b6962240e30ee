import { backend_util, util } from '@tensorflow/tfjs-core';

type Pair = [number, number];

/** Before and after, for each of the four axes. */
export type Paddings = [Pair, Pair, Pair, Pair];

/** As the attributes of convolutions have it. */
export type Pad = 'same' | 'valid' | number | Paddings;

/** What convolutions of tfjs-node understand: it knows a number of zeros on each side by this form alone. */
export function withoutNumber(pad: Pad): Exclude<Pad, number> {
  if (typeof pad !== 'number') return pad;
  if (pad === 0) return 'valid';
  return [
    [0, 0],
    [pad, pad],
    [pad, pad],
    [0, 0],
  ];
}

export interface Window {
  readonly inputShape: number[];
  readonly filterShape: number[];
  readonly strides: number | Pair;
  readonly pad: Pad;
  readonly depthwise: boolean;
}

/** The same zeros by the word `same` or `valid`, where there is one. */
export function nameOfPadding(window: Window): 'same' | 'valid' | undefined {
  const pad = withoutNumber(window.pad);
  if (typeof pad === 'string') return pad;
  const own = zerosOf(window, pad);
  return (['valid', 'same'] as const).find((name) => util.arraysEqual(zerosOf(window, name), own));
}

/** Zeros above, below, left and right, and the shape of the output. */
function zerosOf(
  { inputShape, filterShape, strides, depthwise }: Window,
  pad: Exclude<Pad, number>,
) {
  const shapes = [inputShape, filterShape] as [FourNumbers, FourNumbers];
  const { padInfo, outShape } = backend_util.computeConv2DInfo(
    ...shapes,
    strides,
    1,
    pad,
    undefined,
    depthwise,
  );
  return [padInfo.top, padInfo.bottom, padInfo.left, padInfo.right, ...outShape];
}

type FourNumbers = [number, number, number, number];
