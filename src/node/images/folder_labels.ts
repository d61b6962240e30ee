/** What the names of label folders mean. */
import { classNamesOf, type DataType, dataTypes } from '../../training/data_types.js';
import { plural, shortened } from '../format.js';
import { UserError } from '../user_error.js';

/** Names of expressions that folders have beside those of the data sets. */
const synonyms: Record<string, string> = {
  surprised: 'surprise',
  fearful: 'fear',
  afraid: 'fear',
  scared: 'fear',
  disgusted: 'disgust',
  happy: 'happiness',
  joy: 'happiness',
  sad: 'sadness',
  angry: 'anger',
  contemptuous: 'contempt',
};

/**
 * Which of the label folders in a folder stands for which label.
 *
 * @returns the folder's name for each label.
 * @throws UserError when they are not those of the data type.
 */
export function checkLabels(
  path: string,
  folders: readonly string[],
  dataType: DataType,
): string[] {
  const classNames = classNamesOf(dataType);
  if (folders.length === 0) {
    throw new UserError(
      'InvalidData',
      `${path} has no label folders: expected ${labelNames(dataType)}`,
    );
  }
  const byLabel = new Map<number, string>();
  const unknown: string[] = [];
  for (const folder of folders) {
    const label = labelOf(folder, dataType);
    if (label === undefined) unknown.push(folder);
    else if (byLabel.has(label))
      throw sameLabel(path, byLabel.get(label)!, folder, dataType, label);
    else byLabel.set(label, folder);
  }
  const missing = classNames.map((_, label) => label).filter((label) => !byLabel.has(label));
  if (unknown.length > 0 || missing.length > 0) {
    throw labelMismatch(path, folders, unknown, missing, dataType);
  }
  return classNames.map((_, label) => byLabel.get(label)!);
}

function labelMismatch(
  path: string,
  folders: readonly string[],
  unknown: readonly string[],
  missing: readonly number[],
  dataType: DataType,
): UserError {
  const classNames = classNamesOf(dataType);
  const fitting = (Object.keys(dataTypes) as DataType[]).filter((type) => fits(folders, type));
  if (fitting.length > 0) {
    const which = fitting.length > 1 ? ', whichever data set this is' : '';
    return new UserError(
      'InvalidData',
      `${path} has ${folders.length} label folders but ${dataType} has ${classNames.length} ` +
        `classes: use --data_type ${fitting.join(' or ')}${which}`,
    );
  }
  if (unknown.length > 0) {
    const fromZero = unknown.some((name) => Number(name) === 0) ? '; labels count from 1' : '';
    return new UserError(
      'InvalidData',
      `${path} has ${unknown.length > 1 ? 'folders that are' : 'a folder that is'} ` +
        `no label of ${dataType}: ${shortened(unknown)} (expected ${labelNames(dataType)}${fromZero})`,
    );
  }
  const wanted = missing.map((label) => `${label + 1} (${classNames[label]})`);
  return new UserError(
    'InvalidData',
    `${path} lacks the label ${plural(missing.length, 'folder')} ${wanted.join(', ')}: ` +
      `${dataType} has ${classNames.length} classes`,
  );
}

function fits(folders: readonly string[], dataType: DataType): boolean {
  const labels = new Set(folders.map((folder) => labelOf(folder, dataType)));
  return (
    !labels.has(undefined) &&
    labels.size === folders.length &&
    labels.size === classNamesOf(dataType).length
  );
}

/** The 0-based label that a folder's name stands for, if it stands for one. */
export function labelOf(folder: string, dataType: DataType): number | undefined {
  const classNames = classNamesOf(dataType);
  if (/^\d+$/.test(folder)) {
    const number = Number(folder);
    return number >= 1 && number <= classNames.length ? number - 1 : undefined;
  }
  const name = folder.toLowerCase();
  const canonical = Object.hasOwn(synonyms, name) ? synonyms[name]! : name;
  const label = classNames.indexOf(canonical);
  return label < 0 ? undefined : label;
}

function sameLabel(
  path: string,
  first: string,
  second: string,
  dataType: DataType,
  label: number,
): UserError {
  const name = classNamesOf(dataType)[label];
  return new UserError(
    'InvalidData',
    `${path} has two folders for ${name}, ${first} and ${second}: keep one`,
  );
}

/** What the label folders of a data set may be called. */
export function labelNames(dataType: DataType): string {
  const classNames = classNamesOf(dataType);
  return `1…${classNames.length} or ${classNames.join(', ')}`;
}
