import { ArgumentError } from '../ops/errors.js';

/** @throws ArgumentError unless there is a prediction for each label. */
export function checkSameLength(labels: ArrayLike<number>, predictions: ArrayLike<number>): void {
  if (labels.length !== predictions.length) {
    throw new ArgumentError(`${predictions.length} predictions for ${labels.length} labels`);
  }
}

/** @throws ArgumentError such as `labels[3] is 9: expected an integer from 0 to 6`. */
export function checkClass(
  argument: string,
  index: number,
  value: number,
  numClasses: number,
): void {
  if (!Number.isInteger(value) || value < 0 || value >= numClasses) {
    throw new ArgumentError(
      `${argument}[${index}] is ${value}: expected an integer from 0 to ${numClasses - 1}`,
    );
  }
}

/** @throws ArgumentError unless all are classes. */
export function checkClasses(
  argument: string,
  values: ArrayLike<number>,
  numClasses: number,
): void {
  for (let i = 0; i < values.length; i++) checkClass(argument, i, values[i]!, numClasses);
}

/** @throws ArgumentError unless values are whole rows, one value a class. */
export function checkRows(argument: string, values: ArrayLike<number>, numClasses: number): void {
  if (!Number.isInteger(values.length / numClasses)) {
    throw new ArgumentError(
      `${argument} has ${values.length} values: expected rows of ${numClasses} classes`,
    );
  }
}
