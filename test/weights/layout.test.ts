import { describe, expect, it } from 'vitest';
import { fromTorchLayout, torchShape, toTorchLayout } from '../../src/weights/layout.js';
import type { Layout } from '../../src/weights/torch_names.js';

const counted = (count: number) => Float32Array.from({ length: count }, (_, i) => i);

describe('weight layouts', () => {
  it('turns [in, out] into [out, in]', () => {
    const { data, shape } = toTorchLayout(counted(6), [2, 3], 'dense');
    expect(shape).toEqual([3, 2]);
    expect([...data]).toEqual([0, 3, 1, 4, 2, 5]);
  });

  it('turns HWIO into OIHW', () => {
    const [height, width, inputs, outputs] = [2, 3, 4, 5];
    const ours = counted(height * width * inputs * outputs);
    const { data, shape } = toTorchLayout(ours, [height, width, inputs, outputs], 'conv');
    expect(shape).toEqual([outputs, inputs, height, width]);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let i = 0; i < inputs; i++) {
          for (let o = 0; o < outputs; o++) {
            const torch = ((o * inputs + i) * height + y) * width + x;
            expect(data[torch]).toBe(ours[((y * width + x) * inputs + i) * outputs + o]);
          }
        }
      }
    }
  });

  it('turns a depthwise [H, W, C, 1] into [C, 1, H, W]', () => {
    const { data, shape } = toTorchLayout(counted(12), [2, 2, 3, 1], 'depthwise');
    expect(shape).toEqual([3, 1, 2, 2]);
    expect([...data]).toEqual([0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
  });

  it('gives a pointwise weight the shape of a 1×1 convolution', () => {
    const { data, shape } = toTorchLayout(counted(6), [2, 3], 'pointwise');
    expect(shape).toEqual([3, 2, 1, 1]);
    expect([...data]).toEqual([0, 3, 1, 4, 2, 5]);
  });

  it('leaves the shape of what is the same', () => {
    expect(torchShape([3, 4], 'same')).toEqual([3, 4]);
    expect(toTorchLayout(counted(12), [3, 4], 'same').shape).toEqual([3, 4]);
  });

  it.each<[Layout, number[]]>([
    ['same', [3, 4]],
    ['dense', [3, 4]],
    ['pointwise', [3, 4]],
    ['conv', [2, 3, 4, 5]],
    ['depthwise', [3, 2, 4, 1]],
  ])('comes back from %s as it was', (layout, shape) => {
    const ours = counted(shape.reduce((product, size) => product * size, 1));
    const torch = toTorchLayout(ours, shape, layout);
    expect(torch.shape).toEqual(torchShape(shape, layout));
    expect(fromTorchLayout(torch.data, torch.shape, layout)).toEqual(ours);
  });
});
