import { InvalidArgumentError } from 'commander';
import type { BackendName } from '../node/backend.js';
import { UserError } from '../node/user_error.js';
import {
  type Corruption,
  corruptionNames,
  type Severity,
  severities,
} from '../training/corruption.js';

export interface BackendFlags {
  backend?: BackendName;
  gpu?: string;
  allowSoftwareGpu?: boolean;
  workers?: number;
}

export interface OutputFlags {
  quiet?: boolean;
  json?: boolean;
}

/** The value of `--checkpoint`. @throws UserError where it is not given. */
export function neededCheckpoint(checkpoint: string | undefined): string {
  if (checkpoint !== undefined) return checkpoint;
  throw new UserError(
    'InvalidSettings',
    '--checkpoint PATH is needed: a run folder, a model.json, a .pth or a .safetensors',
  );
}

/** `--data_type` and `--data-type` are one flag, as the authors mix both. */
export function hyphenate(args: readonly string[]): string[] {
  const end = args.indexOf('--');
  return args.map((arg, i) => {
    if (!arg.startsWith('--') || (end >= 0 && i >= end)) return arg;
    const [flag, ...value] = arg.split('=');
    return [flag!.replaceAll('_', '-'), ...value].join('=');
  });
}

export function numberFlag(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value))
    throw new InvalidArgumentError('It is not a number.');
  return value;
}

/** Numbers by commas, so many or so many; false for `none`. */
export function numbersFlag(...counts: number[]): (text: string) => number[] | false {
  return (text) => {
    if (text === 'none') return false;
    const numbers = text.split(',').map(numberFlag);
    if (counts.includes(numbers.length)) return numbers;
    throw new InvalidArgumentError(
      `It must be none, or ${counts.join(' or ')} numbers with commas between them.`,
    );
  };
}

export function classWeightsFlag(text: string): 'none' | 'balanced' | number[] {
  return text === 'none' || text === 'balanced' ? text : text.split(',').map(numberFlag);
}

export function integerFlag(text: string): number {
  const value = numberFlag(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError('It must be an integer from 1 on.');
  }
  return value;
}

/** `all`, or names by commas. */
export function corruptionsFlag(text: string): Corruption[] {
  if (text === 'all') return corruptionNames;
  return text.split(',').map((word) => {
    const found = corruptionNames.find((name) => name === word.trim());
    if (found) return found;
    throw new InvalidArgumentError(`It must be all, or of ${corruptionNames.join(', ')}.`);
  });
}

export function severityFlag(text: string): Severity {
  const found = severities.find((severity) => String(severity) === text);
  if (found) return found;
  throw new InvalidArgumentError('It must be an integer from 1 to 5.');
}
