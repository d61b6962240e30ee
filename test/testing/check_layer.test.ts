import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';
import { checkLayer, type LayerCheckOptions, randomArray } from '../../src/testing/index.js';
import { describeBackends } from '../support/backends.js';
import { map, type NdArray } from '../support/reference/index.js';

interface Config {
  name?: string;
  power?: number;
}

/** scale · |x|^power, which a subclass gets wrong. */
class Power extends tfl.layers.Layer {
  static readonly className: string = 'TestPower';
  protected scale!: tfl.LayerVariable;
  readonly power: number;

  constructor(config: Config = {}) {
    super(config);
    this.power = config.power ?? 2;
  }
  override build(): void {
    const initializer = tfl.initializers.ones();
    this.scale = this.addWeight('scale', [], 'float32', initializer);
    this.built = true;
  }
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor | tf.Tensor[] {
    const x = Array.isArray(inputs) ? inputs[0]! : inputs;
    return tf.tidy(() => tf.mul(this.scale.read(), tf.pow(tf.abs(x), this.power)));
  }
  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), power: this.power };
  }
}

class Forgetful extends Power {
  static override readonly className = 'TestForgetful';
  override getConfig(): tf.serialization.ConfigDict {
    const { power: _, ...config } = super.getConfig();
    return config;
  }
}

class Misshapen extends Power {
  static override readonly className = 'TestMisshapen';
  override computeOutputShape(): (number | null)[] {
    return [null, 7];
  }
}

class WrongGradient extends Power {
  static override readonly className = 'TestWrongGradient';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor | tf.Tensor[] {
    const x = Array.isArray(inputs) ? inputs[0]! : inputs;
    const square = tf.customGrad((at) => ({
      value: tf.square(at as tf.Tensor),
      gradFunc: (dy) => tf.mul(dy as tf.Tensor, x),
    }));
    return tf.tidy(() => tf.mul(this.scale.read(), square(x)));
  }
}

class Leaky extends Power {
  static override readonly className = 'TestLeaky';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor | tf.Tensor[] {
    tf.keep(tf.scalar(1));
    return super.call(inputs);
  }
}

class Unregistered extends Power {
  static override readonly className = 'TestUnregistered';
}

for (const each of [Power, Forgetful, Misshapen, WrongGradient, Leaky]) {
  tf.serialization.registerClass(each);
}

const x: NdArray = map(randomArray([3, 4], 1), (v) => Math.fround(v + Math.sign(v) * 0.2));

describeBackends(
  'checkLayer',
  () => {
    it('passes a layer that is right, with a reference and without', async () => {
      const report = await checkLayer(Power, { power: 3 }, [x]);
      expect(report.failures).toEqual([]);
      expect(report.gradients.map(({ name }) => name)).toEqual([
        'gradient of input 0',
        'gradient of scale',
      ]);
      const { failures, outputs } = await checkLayer(Power, { power: 3 }, [x], {
        reference: ([at], [scale]) => map(at!, (v) => scale!.data[0]! * Math.abs(v) ** 3),
      });
      expect(failures).toEqual([]);
      expect(outputs).toHaveLength(1);
    });

    it.each([
      ['a wrong output', Power, /^output 0: error/, { reference: ([at]: NdArray[]) => at! }],
      ['what its configuration lacks', Forgetful, /^getConfig: power is undefined, but was 3$/],
      [
        'a shape that is none',
        Misshapen,
        /^its symbolic outputs: shapes \[3, 7\], but computed are \[3, 4\]$/,
      ],
      ['a wrong gradient', WrongGradient, /^gradient of input 0: error [45]\.\de-1 is above/],
      ['a leak', Leaky, /^\d+ tensors are left behind$/],
    ] as [string, typeof Power, RegExp, LayerCheckOptions?][])(
      'finds %s',
      async (_, LayerType, message, options) => {
        const { failures } = await checkLayer(LayerType, { power: 3 }, [x], options);
        expect(failures).toContainEqual(expect.stringMatching(message));
      },
    );

    it('leaves out the gradients of weights that do not train, and of constants', async () => {
      const { failures, gradients } = await checkLayer(Power, { power: 2 }, [x], {
        constants: [0],
      });
      expect(failures).toEqual([]);
      expect(gradients.map(({ name }) => name)).toEqual(['gradient of scale']);
    });

    it('throws what the loader says of a layer that is not registered', async () => {
      await expect(checkLayer(Unregistered, {}, [x])).rejects.toThrow(/TestUnregistered/);
    });

    it('checks the layers of TensorFlow.js too', async () => {
      const kernel = { units: 3, activation: 'tanh' as const };
      const dense = tfl.layers.dense(kernel).constructor as never;
      const { failures } = await checkLayer(dense, kernel as never, [x]);
      expect(failures).toEqual([]);
    });
  },
  { checkLeaks: false },
);
