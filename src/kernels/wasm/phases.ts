/**
 * One phase of a strided convolution along one dimension. Input positions at the same remainder of the stride meet only
 * every stride-th filter tap, so the input gradient is one stride-1 convolution of the output gradient for each phase.
 */
export interface Phase {
  /** First input position of the phase; the next ones are `stride` further each. */
  readonly first: number;
  /** How many input positions the phase has. */
  readonly count: number;
  /** First filter tap; the next ones are `stride` further each. */
  readonly tap: number;
  readonly taps: number;
  /** Zeros before the output gradient; negative where its first positions are not met at all. */
  readonly before: number;
}

/** The phases that have input positions. */
export function phasesOf(
  inSize: number,
  filterSize: number,
  stride: number,
  padBefore: number,
): Phase[] {
  const phases: Phase[] = [];
  for (let tap = 0; tap < stride; tap++) {
    const q0 = Math.ceil((padBefore - tap) / stride);
    const first = q0 * stride + tap - padBefore;
    const count = first < inSize ? Math.ceil((inSize - first) / stride) : 0;
    if (count === 0) continue;
    const taps = tap < filterSize ? Math.ceil((filterSize - tap) / stride) : 0;
    phases.push({ first, count, tap, taps, before: taps - 1 - q0 });
  }
  return phases;
}
