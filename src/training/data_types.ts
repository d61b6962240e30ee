import { ArgumentError } from '../ops/errors.js';

/**
 * The data sets that the authors train on, with the meaning of their folder numbers 1, 2, 3, …
 *
 * @example
 * console.log(Object.keys(dataTypes)); // [ 'RAF-DB', 'AffectNet-7', 'AffectNet-8' ]
 * console.log(dataTypes['AffectNet-8'].length); // 8
 */
export const dataTypes = {
  'RAF-DB': ['surprise', 'fear', 'disgust', 'happiness', 'sadness', 'anger', 'neutral'],
  'AffectNet-7': ['neutral', 'happiness', 'sadness', 'surprise', 'fear', 'disgust', 'anger'],
  'AffectNet-8': [
    'neutral',
    'happiness',
    'sadness',
    'surprise',
    'fear',
    'disgust',
    'anger',
    'contempt',
  ],
} as const satisfies Record<string, readonly string[]>;

/** A data set whose classes are known, by its name among `dataTypes`. */
export type DataType = keyof typeof dataTypes;

/**
 * Whether a text is the name of one of `dataTypes`.
 *
 * @example
 * console.log(isDataType('RAF-DB'), isDataType('raf-db')); // true false
 */
export function isDataType(name: string): name is DataType {
  return Object.hasOwn(dataTypes, name);
}

/**
 * Class names in label order: folder `1` of a data set is `classNamesOf(dataType)[0]`.
 *
 * @throws ArgumentError for a name that is none of `dataTypes`.
 *
 * @example
 * console.log(classNamesOf('RAF-DB')[3]); // happiness
 */
export function classNamesOf(dataType: DataType): readonly string[] {
  checkDataType(dataType);
  return dataTypes[dataType];
}

/** @throws ArgumentError for a name that is none of `dataTypes`. */
export function checkDataType(name: string): void {
  if (isDataType(name)) return;
  const known = Object.keys(dataTypes).join(', ');
  throw new ArgumentError(`data type is ${name}: expected one of ${known}`);
}
