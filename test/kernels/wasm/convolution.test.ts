import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoGrowth, expectSameOnWasm, randomTensor, relativeError } from './both_backends.js';

type Shape4D = [number, number, number, number];
type ExplicitPadding = [[number, number], [number, number], [number, number], [number, number]];
type Padding = 'valid' | 'same' | number | ExplicitPadding;

const kernelSize = fc.constantFrom(1, 2, 3, 5, 7);
const stride = fc.constantFrom(1, 2, 3);
const padding: fc.Arbitrary<Padding> = fc.oneof(
  fc.constant<Padding>('valid'),
  fc.constant<Padding>('same'),
  fc.integer({ min: 0, max: 3 }),
  fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(3)).map(
    ([top, bottom, left, right]): ExplicitPadding => [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ],
  ),
);

const convolution = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  height: fc.integer({ min: 7, max: 13 }),
  width: fc.integer({ min: 7, max: 13 }),
  inChannels: fc.integer({ min: 1, max: 5 }),
  outChannels: fc.integer({ min: 1, max: 5 }),
  filterHeight: kernelSize,
  filterWidth: kernelSize,
  strideHeight: stride,
  strideWidth: stride,
  pad: padding,
});

function outputShape(
  inShape: Shape4D,
  filterShape: Shape4D,
  strides: [number, number],
  pad: Padding,
  depthwise = false,
): Shape4D {
  return tf.backend_util.computeConv2DInfo(
    inShape,
    filterShape,
    strides,
    1,
    pad,
    undefined,
    depthwise,
  ).outShape as Shape4D;
}

function runKernel(name: string, inputs: Record<string, tf.Tensor>, attrs: object): tf.Tensor {
  return tf.engine().runKernel(name, inputs, attrs as Parameters<tf.KernelFunc>[0]['attrs']);
}

describe('convolution on wasm', () => {
  it('agrees with cpu over strides, dilations, paddings and kernel sizes', async () => {
    const dilation = fc.constantFrom(1, 1, 2, 3);
    await fc.assert(
      fc.asyncProperty(
        convolution,
        dilation,
        dilation,
        async (c, dilationHeight, dilationWidth) => {
          const x: Shape4D = [c.batch, c.height, c.width, c.inChannels];
          const filter: Shape4D = [c.filterHeight, c.filterWidth, c.inChannels, c.outChannels];
          const strides: [number, number] = [c.strideHeight, c.strideWidth];
          const dilations: [number, number] = [dilationHeight, dilationWidth];
          const attrs = { strides, pad: c.pad, dataFormat: 'NHWC', dilations };
          const reach = [
            (c.filterHeight - 1) * dilationHeight,
            (c.filterWidth - 1) * dilationWidth,
          ] as const;
          fc.pre(reach[0] < c.height && reach[1] < c.width);
          await expectSameOnWasm(() =>
            runKernel('Conv2D', { x: randomTensor(x, 1), filter: randomTensor(filter, 3) }, attrs),
          );
        },
      ),
      { seed: 6, numRuns: 300 },
    );
  });

  it('agrees in its fused form, with bias and activation', async () => {
    const activations = ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'prelu', 'leakyrelu'];
    for (const activation of activations) {
      for (const hasBias of [false, true]) {
        await expectSameOnWasm(() =>
          tf.fused.conv2d({
            x: randomTensor([2, 9, 8, 6], 1) as tf.Tensor4D,
            filter: randomTensor([3, 3, 6, 13], 2) as tf.Tensor4D,
            strides: 1,
            pad: 'same',
            bias: hasBias ? randomTensor([13], 3) : undefined,
            activation: activation as tf.fused.Activation,
            preluActivationWeights: activation === 'prelu' ? randomTensor([13], 4) : undefined,
            leakyreluAlpha: 0.3,
          }),
        );
      }
    }
  });

  it('of no images is empty, and its filter gradient zero', async () => {
    await tf.setBackend('wasm');
    tf.tidy(() => {
      const attrs = { strides: 1, pad: 'same', dataFormat: 'NHWC', dilations: 1 };
      const [x, dy] = [tf.zeros([0, 4, 4, 2]), tf.zeros([0, 4, 4, 3])];
      const filterShape = [3, 3, 2, 3];
      const filter = tf.ones(filterShape);
      expect(runKernel('Conv2D', { x, filter }, attrs).shape).toEqual([0, 4, 4, 3]);
      const dx = runKernel(
        'Conv2DBackpropInput',
        { dy, filter },
        { ...attrs, inputShape: x.shape },
      );
      expect(dx.shape).toEqual([0, 4, 4, 2]);
      const dFilter = runKernel('Conv2DBackpropFilter', { x, dy }, { ...attrs, filterShape });
      expect(Array.from(dFilter.dataSync())).toEqual(Array(54).fill(0));
    });
  });

  it('spreads what is not finite to all the windows that see it', async () => {
    await tf.setBackend('wasm');
    tf.tidy(() => {
      const values = Array.from({ length: 25 }, (_, i) => (i === 12 ? Number.NaN : 1));
      const filter = tf.zeros([3, 3, 1, 2]) as tf.Tensor4D;
      const out = tf.conv2d(tf.tensor4d(values, [1, 5, 5, 1]), filter, 1, 'same');
      const seen = Array.from(out.dataSync()).map((value) => Number(Number.isNaN(value)));
      const expected = Array.from({ length: 25 }, (_, i) => {
        const [row, column] = [Math.floor(i / 5), i % 5];
        const sees = row >= 1 && row <= 3 && column >= 1 && column <= 3;
        return [Number(sees), Number(sees)];
      });
      expect(seen).toEqual(expected.flat());
    });
  });

  it('leaves nothing behind, nor do its gradients', async () => {
    await tf.setBackend('wasm');
    const x = randomTensor([2, 15, 15, 20], 1);
    const dy = randomTensor([2, 8, 8, 30], 2);
    const filter = randomTensor([3, 3, 20, 30], 3);
    const attrs = { strides: 2, pad: 'same', dataFormat: 'NHWC', dilations: 1 };
    const [inputShape, filterShape] = [x.shape, filter.shape];
    await expectNoGrowth(() => [
      runKernel('Conv2D', { x, filter }, attrs),
      runKernel('Conv2DBackpropFilter', { x, dy }, { ...attrs, filterShape }),
      runKernel('Conv2DBackpropInput', { dy, filter }, { ...attrs, inputShape }),
    ]);
    tf.dispose([x, dy, filter]);
  });
});

describe('convolution gradients on wasm', () => {
  it('agree with cpu over strides, paddings and kernel sizes', async () => {
    await fc.assert(
      fc.asyncProperty(convolution, async (c) => {
        const x: Shape4D = [c.batch, c.height, c.width, c.inChannels];
        const filter: Shape4D = [c.filterHeight, c.filterWidth, c.inChannels, c.outChannels];
        const strides: [number, number] = [c.strideHeight, c.strideWidth];
        const dy = outputShape(x, filter, strides, c.pad);
        const attrs = { strides, pad: c.pad, dataFormat: 'NHWC', dimRoundingMode: undefined };
        await expectSameOnWasm(() => [
          runKernel(
            'Conv2DBackpropFilter',
            { x: randomTensor(x, 1), dy: randomTensor(dy, 2) },
            { ...attrs, filterShape: filter },
          ),
          runKernel(
            'Conv2DBackpropInput',
            { dy: randomTensor(dy, 2), filter: randomTensor(filter, 3) },
            { ...attrs, inputShape: x },
          ),
        ]);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('agree around the edges of tiles and blocks of channels', async () => {
    const channels = fc.constantFrom(4, 5, 6, 8, 9, 13, 64, 100, 130);
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(channels, channels, fc.constantFrom(1, 3), fc.constantFrom(1, 2)),
        async ([inChannels, outChannels, size, stride]) => {
          const x: Shape4D = [2, 7, 6, inChannels];
          const filter: Shape4D = [size, size, inChannels, outChannels];
          const strides: [number, number] = [stride, stride];
          const dy = outputShape(x, filter, strides, 'same');
          const attrs = { strides, pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] };
          await expectSameOnWasm(() => [
            runKernel('Conv2D', { x: randomTensor(x, 1), filter: randomTensor(filter, 3) }, attrs),
            runKernel(
              'Conv2DBackpropFilter',
              { x: randomTensor(x, 1), dy: randomTensor(dy, 2) },
              { ...attrs, filterShape: filter },
            ),
            runKernel(
              'Conv2DBackpropInput',
              { dy: randomTensor(dy, 2), filter: randomTensor(filter, 3) },
              { ...attrs, inputShape: x },
            ),
          ]);
        },
      ),
      { seed: 7, numRuns: 25 },
    );
  });

  it('agree where output positions fill several panels', async () => {
    const cases: [Shape4D, Shape4D, number, Padding][] = [
      [[2, 40, 37, 1], [3, 3, 1, 20], 1, 'same'],
      [[1, 65, 40, 4], [5, 3, 4, 3], 2, 'same'],
      [[9, 12, 12, 1], [3, 3, 1, 100], 1, 'same'],
      [[5, 30, 30, 9], [1, 1, 9, 7], 1, 'valid'],
      [[2, 31, 31, 30], [1, 1, 30, 7], 2, 'valid'],
      [
        [1, 3, 3, 2],
        [1, 1, 2, 3],
        2,
        [
          [0, 0],
          [0, 2],
          [0, 2],
          [0, 0],
        ],
      ],
      [[1, 6, 1100, 2], [3, 3, 2, 3], 1, 'valid'],
    ];
    for (const [x, filter, stride, pad] of cases) {
      const strides: [number, number] = [stride, stride];
      const dy = outputShape(x, filter, strides, pad);
      const attrs = { strides, pad, dataFormat: 'NHWC' };
      await expectSameOnWasm(() => [
        runKernel(
          'Conv2DBackpropFilter',
          { x: randomTensor(x, 1), dy: randomTensor(dy, 2) },
          { ...attrs, filterShape: filter },
        ),
        runKernel(
          'Conv2DBackpropInput',
          { dy: randomTensor(dy, 2), filter: randomTensor(filter, 3) },
          { ...attrs, inputShape: x },
        ),
      ]);
    }
  });

  it('name the data format they do not have', async () => {
    await tf.setBackend('wasm');
    const run = () =>
      tf.tidy(() =>
        runKernel(
          'Conv2DBackpropFilter',
          { x: randomTensor([1, 2, 4, 4], 1), dy: randomTensor([1, 3, 4, 4], 2) },
          { strides: 1, pad: 'same', dataFormat: 'NCHW', filterShape: [3, 3, 2, 3] },
        ),
      );
    expect(run).toThrow(/dataFormat is NCHW/);
  });

  it('of depthwise convolutions agree with cpu', async () => {
    const arbitrary = fc.record({
      convolution,
      multiplier: fc.constantFrom(1, 1, 2, 3),
      channels: fc.constantFrom(1, 3, 4, 9),
    });
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({ convolution: c, multiplier, channels }) => {
        const x: Shape4D = [c.batch, c.height, c.width, channels];
        const filter: Shape4D = [c.filterHeight, c.filterWidth, channels, multiplier];
        const strides: [number, number] = [c.strideHeight, c.strideWidth];
        const dy = outputShape(x, filter, strides, c.pad, true);
        const attrs = { strides, pad: c.pad, dilations: [1, 1], dimRoundingMode: undefined };
        await expectSameOnWasm(() => [
          runKernel(
            'DepthwiseConv2dNativeBackpropFilter',
            { x: randomTensor(x, 1), dy: randomTensor(dy, 2) },
            { ...attrs, filterShape: filter },
          ),
          runKernel(
            'DepthwiseConv2dNativeBackpropInput',
            { dy: randomTensor(dy, 2), filter: randomTensor(filter, 3) },
            { ...attrs, inputShape: x },
          ),
        ]);
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  it('of a dilated depthwise convolution are those of the filter with holes', async () => {
    await tf.setBackend('wasm');
    for (const [size, multiplier] of [
      [3, 1],
      [2, 2],
      [5, 1],
    ] as const) {
      const x: Shape4D = [2, 12, 11, 3];
      const holes = 2 * size - 1;
      const attrs = { strides: [1, 1], pad: 'same', dimRoundingMode: undefined };
      const gradients = (filterSize: number, dilation: number, filter: tf.Tensor) => {
        const dy = randomTensor([2, 12, 11, 3 * multiplier], 2);
        const filterShape = [filterSize, filterSize, 3, multiplier];
        const dilations = [dilation, dilation];
        return [
          runKernel(
            'DepthwiseConv2dNativeBackpropFilter',
            { x: randomTensor(x, 1), dy },
            { ...attrs, dilations, filterShape },
          ),
          runKernel(
            'DepthwiseConv2dNativeBackpropInput',
            { dy, filter },
            { ...attrs, dilations, inputShape: x },
          ),
        ] as const;
      };
      tf.tidy(() => {
        const filter = randomTensor([size, size, 3, multiplier], 3);
        const rows = [...Array(holes).keys()].map((row) =>
          [...Array(holes).keys()].map((column) =>
            row % 2 === 0 && column % 2 === 0
              ? tf.slice(filter, [row / 2, column / 2, 0, 0], [1, 1, 3, multiplier])
              : tf.zeros([1, 1, 3, multiplier]),
          ),
        );
        const withHoles = tf.concat(
          rows.map((row) => tf.concat(row, 1)),
          0,
        );
        const [dFilter, dx] = gradients(size, 2, filter);
        const [dFilterWithHoles, dxWithHoles] = gradients(holes, 1, withHoles);
        const expected = tf.stridedSlice(
          dFilterWithHoles,
          [0, 0, 0, 0],
          [holes, holes, 3, multiplier],
          [2, 2, 1, 1],
        );
        expect(relativeError(dFilter.dataSync(), expected.dataSync())).toBeLessThan(1e-5);
        expect(relativeError(dx.dataSync(), dxWithHoles.dataSync())).toBeLessThan(1e-5);
      });
    }
  });
});
