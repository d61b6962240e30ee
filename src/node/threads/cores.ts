import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/**
 * How many processor cores this process may use: physical ones where Linux tells, as two threads on one
 * core share its arithmetic.
 */
export function physicalCores(): number {
  return Math.min(availableParallelism(), coresIn(cpuInfo()) || Number.POSITIVE_INFINITY);
}

/** How many different cores a text in the form of /proc/cpuinfo names. */
export function coresIn(cpuInfo: string): number {
  const cores = cpuInfo.split(/\n\s*\n/).flatMap((processor) => {
    const core = /^core id\s*:\s*(\d+)/m.exec(processor)?.[1];
    return core === undefined
      ? []
      : [`${/^physical id\s*:\s*(\d+)/m.exec(processor)?.[1]} ${core}`];
  });
  return new Set(cores).size;
}

function cpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}
