import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { BtnError } from '../ops/errors.js';
import { fromTorchLayout, torchShape } from './layout.js';
import { type StateDict, type StateTensor, toFloat32 } from './state_dict.js';
import { joinPath, type TorchWeight, torchWeights } from './torch_names.js';

/** Options of `applyStateDict`. */
export interface ApplyOptions {
  /**
   * Fail when a weight of the model is missing, a name is unexpected or a shape differs, before
   * anything is changed. Default true.
   */
  strict?: boolean;
  /**
   * The module that the state dict is of, such as `ir_back` for a backbone's own file: names are
   * taken below it, and the rest of the model is left alone. Default: the whole model.
   */
  module?: string;
}

/** What became of each name, in PyTorch's words. */
export interface ApplyReport {
  /** Set from the state dict. */
  matched: string[];
  /** Weights of the model that keep the values they had. */
  missing: string[];
  /** In the state dict, but not in the model. */
  unexpected: string[];
  /** In the state dict, known, and without influence on the result. */
  ignored: string[];
  /** In both, of different shapes: the model keeps its own. */
  mismatched: ShapeMismatch[];
}

/** A tensor that a model and a file have in different shapes. */
export interface ShapeMismatch {
  /** In the state dict. */
  name: string;
  /** The model's shape, as PyTorch would have it. */
  expected: readonly number[];
  /** The file's shape. */
  found: readonly number[];
}

/**
 * A state dict that does not fit the model it was meant for; `report` names all that differs. Its code is `StateDictMismatch`.
 *
 * @example
 * try {
 *   applyStateDict(model, new Map()); // a model of any kind, weights of none
 * } catch (error) {
 *   if (error instanceof StateDictError) console.log(error.code, error.report.matched.length);
 *   // StateDictMismatch 0
 * }
 */
export class StateDictError extends BtnError<'StateDictMismatch'> {
  override name = 'StateDictError';

  constructor(readonly report: ApplyReport) {
    super('StateDictMismatch', `the state dict does not fit the model: ${describeMisfit(report)}`);
  }
}

/** Names of what files hold and no result depends on. */
export const withoutInfluence: readonly RegExp[] = [
  /(^|\.)num_batches_tracked$/,
  /(^|\.)relative_position_index$/,
  // What tools that count operations or average weights leave in files.
  /(^|\.)(total_ops|total_params|n_averaged)$/,
  // Modules of the baseline that its forward pass does not use.
  /^ir_back\.output_layer\./,
  /^ir_back\.body3\.1[4-6]\./,
  /^face_landback\.output_layer\./,
  /^VIT\.(patch_embed|eca_block|CON1|IRLinear1|IRLinear2)\./,
  /^VIT\.blocks\.\d+\.conv\./,
];

/**
 * Sets the weights of a model from a PyTorch state dict, whose layouts differ: OIHW becomes HWIO, and
 * `[out, in]` becomes `[in, out]`. Any dtype is converted to float32. Leaks no tensor.
 *
 * @returns what became of each name.
 * @throws StateDictError when `strict` and not all fits; the model is unchanged then.
 *
 * @example
 * const stateDict = await toStateDict(model); // or of a file, by loadTorchCheckpoint
 * const other = btn(btnConfig('tiny', { numClasses: 7 })); // as the model is
 * const { matched, missing, ignored } = applyStateDict(other, stateDict);
 * console.log(missing, matched.length + ignored.length === stateDict.size); // [] true
 */
export function applyStateDict(
  model: LayersModel,
  stateDict: StateDict,
  { strict = true, module = '' }: ApplyOptions = {},
): ApplyReport {
  const inModule = (name: string) => module === '' || name.startsWith(`${module}.`);
  const weights = torchWeights(model).filter(({ name }) => inModule(name));
  const given = new Map([...stateDict].map(([name, tensor]) => [joinPath(module, name), tensor]));
  const report = compare(weights, given);
  if (strict && misfits(report) > 0) throw new StateDictError(report);
  const matched = new Set(report.matched);
  for (const weight of weights) {
    if (matched.has(weight.name)) write(weight, given.get(weight.name)!);
  }
  return report;
}

/** Such as `2 missing: conv1.weight, conv1.bias; 1 of another shape: …`; empty if all fits. */
export function describeMisfit({ missing, unexpected, mismatched }: ApplyReport): string {
  const shapes = mismatched.map(
    ({ name, expected, found }) => `${name} [${found}] instead of [${expected}]`,
  );
  return [
    countAndNames(missing, 'missing'),
    countAndNames(unexpected, 'unexpected'),
    countAndNames(shapes, 'of another shape'),
  ]
    .filter(Boolean)
    .join('; ');
}

const namesShown = 6;

function countAndNames(names: readonly string[], what: string): string {
  if (names.length === 0) return '';
  const shown = names.slice(0, namesShown).join(', ');
  const more = names.length - namesShown;
  return `${names.length} ${what}: ${shown}${more > 0 ? ` and ${more} more` : ''}`;
}

function misfits({ missing, unexpected, mismatched }: ApplyReport): number {
  return missing.length + unexpected.length + mismatched.length;
}

function compare(weights: readonly TorchWeight[], given: StateDict): ApplyReport {
  const report: ApplyReport = {
    matched: [],
    missing: [],
    unexpected: [],
    ignored: [],
    mismatched: [],
  };
  for (const { name, weight, layout } of weights) {
    const found = given.get(name)?.shape;
    const expected = torchShape(weight.shape as number[], layout);
    if (found === undefined) report.missing.push(name);
    else if (sameShape(found, expected)) report.matched.push(name);
    else report.mismatched.push({ name, expected, found });
  }
  const known = new Set(weights.map(({ name }) => name));
  for (const name of given.keys()) {
    if (known.has(name)) continue;
    const ignored = withoutInfluence.some((pattern) => pattern.test(name));
    (ignored ? report.ignored : report.unexpected).push(name);
  }
  return report;
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

function write({ weight, layout }: TorchWeight, tensor: StateTensor): void {
  const values = fromTorchLayout(toFloat32(tensor), tensor.shape, layout);
  tf.tidy(() => {
    weight.write(tf.tensor(values, weight.shape as number[]));
  });
}
