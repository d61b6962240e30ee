/**
 * IR-50, stages 1–3: the image backbone of POSTER V2 and BTN.
 *
 * Follows the IR-50 of face recognition (Deng et al., ArcFace, arXiv 1801.07698) as POSTER V2 (Mao et
 * al., arXiv 2301.12149) cuts it after stage 3. Provenance: baseline. No deviation.
 */
import * as tfl from '@tensorflow/tfjs-layers';
import { SqueezeExcite } from '../layers/squeeze_excite.js';
import { Subsample } from '../layers/subsample.js';
import { fullIr50, type Ir50Config } from './config.js';
import { apply, batchNorm, conv, prelu, seedSequence, type Wiring } from './wiring.js';

type Node = tfl.SymbolicTensor;

/**
 * The backbone on its own. Input `[B, 112, 112, 3]`; outputs `[B, 56, 56, 64]`, `[B, 28, 28, 128]`,
 * `[B, 14, 14, 256]` at full size (17,611,968 trainable weights).
 *
 * Do not nest it in another model: TensorFlow.js would run it once per output. Wire it flat, as
 * `btn` does.
 *
 * @example
 * const backbone = ir50({ widths: [8, 16, 32], depths: [1, 1, 2] }); // a small one
 * const maps = backbone.predictOnBatch(tf.zeros([1, 112, 112, 3])) as tf.Tensor[];
 * console.log(maps.map(({ shape }) => shape)); // [ [ 1, 56, 56, 8 ], [ 1, 28, 28, 16 ], [ 1, 14, 14, 32 ] ]
 *
 * Source: the IR-50 of Deng et al., ArcFace, arXiv 1801.07698, cut after stage 3 as in POSTER V2, Mao et al., arXiv
 * 2301.12149. Provenance: baseline.
 */
export function ir50(config: Partial<Ir50Config> = {}): tfl.LayersModel {
  const input = tfl.input({ shape: [112, 112, 3] });
  const outputs = ir50Maps(input, { ...fullIr50, ...config }, 'ir_back');
  return tfl.model({ inputs: input, outputs, name: 'ir50' });
}

/** Wires the backbone onto `input` and returns its three maps. Layer names start with `prefix`. */
export function ir50Maps(
  input: Node,
  { mode, widths, depths, seed }: Ir50Config,
  prefix: string,
): [Node, Node, Node] {
  const wiring: Wiring = { seed: seedSequence(seed), trainable: true };
  const stem = `${prefix}.input_layer`;
  const shape = { filters: widths[0], kernelSize: 3, padding: 1, useBias: false };
  let x = conv(input, `${stem}.0`, shape, wiring);
  x = prelu(batchNorm(x, `${stem}.1`, wiring), `${stem}.2`, wiring);

  const maps = depths.map((depth, stage) => {
    for (let i = 0; i < depth; i++) {
      const name = `${prefix}.body${stage + 1}.${i}`;
      x = residualUnit(x, name, widths[stage]!, i === 0 ? 2 : 1, mode, wiring);
    }
    return x;
  });
  return maps as [Node, Node, Node];
}

/** BN → conv 3×3 → PReLU → conv 3×3/s → BN, plus the shortcut; no activation after the sum. */
function residualUnit(
  input: Node,
  name: string,
  filters: number,
  strides: number,
  mode: Ir50Config['mode'],
  wiring: Wiring,
): Node {
  const layer = (i: number) => `${name}.res_layer.${i}`;
  const shape = { filters, kernelSize: 3, padding: 1, useBias: false };
  let x = batchNorm(input, layer(0), wiring);
  x = prelu(conv(x, layer(1), shape, wiring), layer(2), wiring);
  x = batchNorm(conv(x, layer(3), { ...shape, strides }, wiring), layer(4), wiring);
  if (mode === 'irSe') x = apply(new SqueezeExcite({ name: layer(5), seed: wiring.seed() }), x);
  const shortcut = shortcutOf(input, name, filters, strides, wiring);
  return apply(tfl.layers.add({ name: `${name}.sum` }), [x, shortcut]);
}

function shortcutOf(
  input: Node,
  name: string,
  filters: number,
  strides: number,
  wiring: Wiring,
): Node {
  const layer = (i: number) => `${name}.shortcut_layer.${i}`;
  if (input.shape.at(-1) !== filters) {
    const shape = { filters, kernelSize: 1, strides, useBias: false };
    return batchNorm(conv(input, layer(0), shape, wiring), layer(1), wiring);
  }
  if (strides === 1) return input;
  return apply(new Subsample({ name: `${name}.shortcut_layer`, stride: strides }), input);
}
