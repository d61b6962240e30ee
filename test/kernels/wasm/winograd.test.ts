import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conv2dInfo } from '../../../src/kernels/wasm/conv2d_info.js';
import { windowsOf } from '../../../src/kernels/wasm/windows.js';
import { winogradPays } from '../../../src/kernels/wasm/winograd.js';
import {
  expectNoGrowth,
  expectSameOnWasm,
  randomTensor,
  randomValues,
  relativeError,
} from './both_backends.js';

type Shape4D = [number, number, number, number];
type Padding = 'valid' | 'same' | number;

const channels = fc.constantFrom<number>(8, 16, 24, 40);
const padding = fc.constantFrom<Padding>('valid', 'same', 0, 1, 2, 3);

const convolution = fc.record({
  batch: fc.integer({ min: 1, max: 8 }),
  height: fc.integer({ min: 5, max: 14 }),
  width: fc.integer({ min: 5, max: 14 }),
  inChannels: channels,
  outChannels: channels,
  pad: padding,
});

type Convolution = typeof convolution extends fc.Arbitrary<infer T> ? T : never;

const shapesOf = (c: Convolution) => {
  const x: Shape4D = [c.batch, c.height, c.width, c.inChannels];
  const filter: Shape4D = [3, 3, c.inChannels, c.outChannels];
  const info = conv2dInfo(x, filter, { strides: [1, 1], pad: c.pad });
  return { x, filter, dy: info.outShape as Shape4D, windows: windowsOf(info) };
};

function runKernel(name: string, inputs: Record<string, tf.Tensor>, attrs: object): tf.Tensor {
  return tf.engine().runKernel(name, inputs, attrs as Parameters<tf.KernelFunc>[0]['attrs']);
}

/** Forward, input gradient and filter gradient, of the same random numbers on any backend. */
function allThree(c: Convolution): tf.Tensor[] {
  const { x, filter, dy } = shapesOf(c);
  const attrs = { strides: [1, 1], pad: c.pad, dataFormat: 'NHWC', dilations: [1, 1] };
  const [xs, filters, dys] = [randomTensor(x, 1), randomTensor(filter, 2), randomTensor(dy, 3)];
  return [
    runKernel('Conv2D', { x: xs, filter: filters }, attrs),
    runKernel('Conv2DBackpropInput', { dy: dys, filter: filters }, { ...attrs, inputShape: x }),
    runKernel('Conv2DBackpropFilter', { x: xs, dy: dys }, { ...attrs, filterShape: filter }),
  ];
}

/** The three in float64, each from the same products `x · filter · dy`. */
function reference(c: Convolution): Float64Array[] {
  const { x, filter, dy, windows } = shapesOf(c);
  const size = (shape: Shape4D) => tf.util.sizeFromShape(shape);
  const xs = randomValues(size(x), 1);
  const filters = randomValues(size(filter), 2);
  const dys = randomValues(size(dy), 3);
  const [y, dx, dFilter] = [dy, x, filter].map((shape) => new Float64Array(size(shape))) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let position = 0; position < size(dy) / c.outChannels; position++) {
    const column = position % dy[2];
    const row = Math.floor(position / dy[2]) % dy[1];
    const sample = Math.floor(position / dy[2] / dy[1]);
    for (let tap = 0; tap < 9; tap++) {
      const inRow = row + Math.floor(tap / 3) - windows.padTop;
      const inColumn = column + (tap % 3) - windows.padLeft;
      if (inRow < 0 || inRow >= c.height || inColumn < 0 || inColumn >= c.width) continue;
      const pixel = (sample * c.height + inRow) * c.width + inColumn;
      for (let i = 0; i < c.inChannels; i++) {
        const xAt = pixel * c.inChannels + i;
        const yAt = position * c.outChannels;
        const filterAt = (tap * c.inChannels + i) * c.outChannels;
        const value = xs[xAt]!;
        let gradient = 0;
        for (let o = 0; o < c.outChannels; o++) {
          y[yAt + o]! += value * filters[filterAt + o]!;
          gradient += dys[yAt + o]! * filters[filterAt + o]!;
          dFilter[filterAt + o]! += value * dys[yAt + o]!;
        }
        dx[xAt]! += gradient;
      }
    }
  }
  return [y, dx, dFilter];
}

describe('Winograd convolution on wasm', () => {
  it('is taken where it pays', () => {
    const pays = (x: Shape4D, filter: Shape4D, strides = 1, dilations = 1) =>
      winogradPays(windowsOf(conv2dInfo(x, filter, { strides, pad: 'same', dilations })));
    expect(pays([1, 14, 14, 256], [3, 3, 256, 256])).toBe(true);
    expect(pays([8, 56, 56, 8], [3, 3, 8, 64])).toBe(true);
    expect(pays([64, 7, 7, 64], [3, 3, 64, 64]), 'few positions an image').toBe(false);
    expect(pays([64, 5, 5, 64], [3, 3, 64, 64]), 'tiles mostly outside').toBe(false);
    expect(pays([8, 56, 56, 3], [3, 3, 3, 64]), 'channels').toBe(false);
    expect(pays([8, 56, 56, 64], [3, 3, 64, 60]), 'channels of the output').toBe(false);
    expect(pays([8, 56, 56, 64], [3, 3, 64, 64], 2), 'stride').toBe(false);
    expect(pays([8, 56, 56, 64], [3, 3, 64, 64], 1, 2), 'dilation').toBe(false);
    expect(pays([8, 56, 56, 64], [5, 5, 64, 64]), 'taps').toBe(false);
    expect(pays([8, 56, 56, 64], [1, 3, 64, 64]), 'taps of one row').toBe(false);
  });

  it('and its gradients agree with cpu', async () => {
    await fc.assert(
      fc.asyncProperty(convolution, async (c) => {
        fc.pre(winogradPays(shapesOf(c).windows));
        await expectSameOnWasm(() => allThree(c));
      }),
      { seed: 3, numRuns: 8 },
    );
  });

  it('and its gradients lose less than 1e-5 against float64', async () => {
    await tf.setBackend('wasm');
    await fc.assert(
      fc.property(convolution, (c) => {
        fc.pre(winogradPays(shapesOf(c).windows));
        const found = tf.tidy(() => allThree(c).map((tensor) => tensor.dataSync()));
        reference(c).forEach((expected, i) => {
          expect(relativeError(found[i]!, expected)).toBeLessThan(1e-5);
        });
      }),
      { seed: 4, numRuns: 20 },
    );
  });

  it('loses less than 1e-5 over several blocks of tiles and of channels', async () => {
    await tf.setBackend('wasm');
    for (const c of [
      { batch: 1, height: 10, width: 10, inChannels: 512, outChannels: 72, pad: 'same' },
      { batch: 3, height: 14, width: 13, inChannels: 512, outChannels: 8, pad: 2 },
    ] satisfies Convolution[]) {
      expect(winogradPays(shapesOf(c).windows)).toBe(true);
      const found = tf.tidy(() => allThree(c).map((tensor) => tensor.dataSync()));
      reference(c).forEach((expected, i) => {
        expect(relativeError(found[i]!, expected)).toBeLessThan(1e-5);
      });
    }
  });

  it('takes explicit paddings that differ on each side', async () => {
    const pad = [
      [0, 0],
      [2, 0],
      [1, 3],
      [0, 0],
    ];
    const attrs = { strides: [1, 1], pad, dataFormat: 'NHWC', dilations: [1, 1] };
    await expectSameOnWasm(() => {
      const x = randomTensor([2, 11, 9, 16], 1);
      const filter = randomTensor([3, 3, 16, 24], 2);
      const dy = randomTensor([2, 11, 11, 24], 3);
      return [
        runKernel('Conv2D', { x, filter }, attrs),
        runKernel('Conv2DBackpropInput', { dy, filter }, { ...attrs, inputShape: x.shape }),
        runKernel('Conv2DBackpropFilter', { x, dy }, { ...attrs, filterShape: filter.shape }),
      ];
    });
  });

  it('agrees in its fused form, with bias and activation', async () => {
    for (const activation of ['linear', 'relu', 'prelu'] as const) {
      for (const hasBias of [false, true]) {
        await expectSameOnWasm(() =>
          tf.fused.conv2d({
            x: randomTensor([3, 10, 9, 24], 1) as tf.Tensor4D,
            filter: randomTensor([3, 3, 24, 16], 2) as tf.Tensor4D,
            strides: 1,
            pad: 'same',
            bias: hasBias ? randomTensor([16], 3) : undefined,
            activation,
            preluActivationWeights: activation === 'prelu' ? randomTensor([16], 4) : undefined,
          }),
        );
      }
    }
  });

  it('spreads what is not finite to all the windows that see it', async () => {
    await tf.setBackend('wasm');
    tf.tidy(() => {
      const x = tf.buffer([1, 12, 12, 8]);
      x.set(Number.NaN, 0, 3, 8, 5);
      const filter = tf.ones([3, 3, 8, 8]) as tf.Tensor4D;
      const out = tf.conv2d(x.toTensor() as tf.Tensor4D, filter, 1, 'same').bufferSync();
      for (let row = 2; row <= 4; row++) {
        for (let column = 7; column <= 9; column++) {
          for (let o = 0; o < 8; o++) expect(out.get(0, row, column, o)).toBeNaN();
        }
      }
      expect(out.get(0, 11, 0, 0)).toBe(0);
    });
  });

  it('leaves nothing behind, nor do its gradients', async () => {
    const c = { batch: 2, height: 15, width: 14, inChannels: 16, outChannels: 24, pad: 1 } as const;
    await expectNoGrowth(() => tf.tidy(() => allThree(c)));
  });
});
