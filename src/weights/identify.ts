import {
  type BtnConfig,
  type BtnConfigOptions,
  btnConfig,
  type Preset,
  presetNames,
} from '../models/config.js';
import { ArgumentError } from '../ops/errors.js';
import { withoutInfluence } from './apply_state_dict.js';
import type { StateDict } from './state_dict.js';

/** Which of our networks a state dict is of. */
export interface Identity {
  /** Whose size it has. */
  preset: Preset;
  /** From which `btn` makes it. */
  config: BtnConfig;
}

/** The parts of BTN that POSTER V2 lacks, and a file's network may have. */
export type BtnParts = Pick<BtnConfigOptions, 'multiLevelAttention' | 'batchTransformer'>;

/** Modules that BTN adds to POSTER V2. */
const btnModules = /^(mla|class_query|class_key|cba)\./;

/** Modules of POSTER V2. */
const baselineModules =
  /^(face_landback|ir_back|attn[123]|window[123]|conv[123]|ffn[123]|last_face_conv|embed_[qkv])\.|^VIT\.(cls_token|pos_embed|se_block|patch_embed|head|eca_block|CON1|IRLinear[12]|blocks|norm)\b/;

/**
 * Tells from names and shapes which network a state dict is of: the preset, the number of classes,
 * and whether it has multi-level attention and batch transformer. The names of these two in files of
 * the BTN authors are not public: a file with a name beyond POSTER V2's, of a weight that could be of
 * one of the two by its shape, is taken for a BTN.
 *
 * @param parts Options of the two where they are known, as in a file of our own.
 * @throws ArgumentError when it is not of a BTN or POSTER V2, or of one of no preset's size.
 *
 * @example
 * const { preset, config } = identifyStateDict(await toStateDict(model));
 * console.log(preset, config.numClasses, config.batchTransformer); // tiny 7 {}
 */
export function identifyStateDict(stateDict: StateDict, parts: BtnParts = {}): Identity {
  const numClasses = firstSize(stateDict, 'VIT.head.linear.weight');
  const width = stateDict.get('VIT.pos_embed')?.shape.at(-1);
  const imageWidth = firstSize(stateDict, 'ir_back.input_layer.0.weight');
  if (numClasses === undefined || width === undefined || imageWidth === undefined) {
    throw new ArgumentError(
      'the state dict is not of a BTN or POSTER V2: VIT.head.linear.weight, VIT.pos_embed and ' +
        'ir_back.input_layer.0.weight are needed',
    );
  }
  const options = { numClasses, ...partsOf(stateDict, width, numClasses), ...parts };
  for (const preset of presetNames) {
    const config = btnConfig(preset, options);
    if (config.classifier.width === width && config.image.widths[0] === imageWidth) {
      return { preset, config };
    }
  }
  throw new ArgumentError(
    `the state dict is of a network of another size: tokens of ${width} and ${imageWidth} image channels fit ` +
      `neither ${presetNames.join(' nor ')}`,
  );
}

/** Whether a missing weight may be one whose name in files of the BTN authors is not known. */
export function isBtnModule(name: string): boolean {
  return btnModules.test(name);
}

function partsOf(stateDict: StateDict, width: number, numClasses: number): Required<BtnParts> {
  const names = [...stateDict.keys()];
  const unknown = [...stateDict].some(
    ([name, { shape }]) => !isKnown(name) && isShapeOfBtn(shape, width, numClasses),
  );
  const has = (module: string) => unknown || names.some((name) => name.startsWith(`${module}.`));
  return { multiLevelAttention: has('mla'), batchTransformer: has('class_query') };
}

function isKnown(name: string): boolean {
  const known = [baselineModules, btnModules, ...withoutInfluence];
  return known.some((pattern) => pattern.test(name));
}

/** Of a projection or position embedding of multi-level attention, or of a class map. */
function isShapeOfBtn(shape: readonly number[], width: number, numClasses: number): boolean {
  const outputs = [width, 2 * width, 3 * width, numClasses];
  return shape.at(-1) === width || (shape.length === 1 && outputs.includes(shape[0]!));
}

function firstSize(stateDict: StateDict, name: string): number | undefined {
  return stateDict.get(name)?.shape[0];
}
