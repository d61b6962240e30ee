import { InvalidArgumentError } from 'commander';

export interface BackendFlags {
  backend?: 'wasm' | 'tensorflow' | 'cpu';
  gpu?: string;
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

export function integerFlag(text: string): number {
  const value = numberFlag(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError('It must be an integer from 1 on.');
  }
  return value;
}
