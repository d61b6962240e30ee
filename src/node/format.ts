import { basename, resolve } from 'node:path';

/** A ratio as a percentage, such as `92.5%`; `–` where it is undefined. */
export function percent(ratio: number | null, digits: number): string {
  return ratio === null ? '–' : `${(ratio * 100).toFixed(digits)}%`;
}

/** The last name of a path, of `.` too. */
export function folderName(path: string): string {
  return basename(resolve(path));
}

/** A noun for so many things: `file` or `files`. */
export function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}

/** A whole number with thousands set apart, the same in every locale: `12,271`. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

const namesShown = 8;

/** Names in a row, not all where they are many. */
export function shortened(names: readonly string[]): string {
  const shown = names.slice(0, namesShown).join(', ');
  return names.length > namesShown ? `${shown} and ${names.length - namesShown} more` : shown;
}
