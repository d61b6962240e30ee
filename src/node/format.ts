/** A ratio as a percentage, such as `92.5%`; `–` where it is undefined. */
export function percent(ratio: number | null, digits: number): string {
  return ratio === null ? '–' : `${(ratio * 100).toFixed(digits)}%`;
}

/** A whole number with thousands set apart, the same in every locale: `12,271`. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}
