/** The data sets that the authors train on, with the meaning of their folder numbers 1, 2, 3, … */
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

/** Whether a text is the name of one of `dataTypes`. */
export function isDataType(name: string): name is DataType {
  return Object.hasOwn(dataTypes, name);
}

/** Class names in label order: folder `1` of a data set is `classNamesOf(dataType)[0]`. */
export function classNamesOf(dataType: DataType): readonly string[] {
  return dataTypes[dataType];
}
