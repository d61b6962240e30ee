import * as tf from '@tensorflow/tfjs-core';
import { BtnError } from './errors.js';

/**
 * The program holds two copies of TensorFlow.js, whose layers do not know each other. Its code is `TensorflowCopies`.
 *
 * @example
 * const input = otherCopy.input({ shape: [8] }); // of a second @tensorflow/tfjs-layers
 * try {
 *   new BtnPReLU().apply(input);
 * } catch (error) {
 *   if (error instanceof TensorflowCopiesError) console.log(error.code); // TensorflowCopies
 * }
 */
export class TensorflowCopiesError extends BtnError<'TensorflowCopies'> {
  override name = 'TensorflowCopiesError';

  constructor(what: string) {
    super(
      'TensorflowCopies',
      `${what}. Models of one copy cannot use or load layers of the other: install one. ` +
        '`npm ls @tensorflow/tfjs-core @tensorflow/tfjs-layers` shows where the copies are, `npm dedupe` ' +
        'removes those that need not differ; bundlers have `resolve.dedupe` or `resolve.alias`',
    );
  }
}

/**
 * Call where the package is loaded.
 *
 * @throws TensorflowCopiesError where another copy of tfjs-core came first: copies share one engine, of the first one's making.
 */
export function checkOneTensorflow(): void {
  if (tf.env() instanceof tf.Environment) return;
  throw new TensorflowCopiesError(
    `btn-layers found @tensorflow/tfjs-core ${tf.version_core} beside another copy, which was loaded before it`,
  );
}
