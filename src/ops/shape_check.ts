import { ShapeError } from './errors.js';

/** Sizes of a tensor or, with `null` for what is not known yet, of a symbolic tensor. */
export type Shape = (number | null)[];

export interface ShapeRule {
  /** Names of the axes, such as `['batch', 'classes', 'features']`. Equal names must have equal sizes. */
  [input: string]: readonly string[];
}

/**
 * Checks that each input has the rank of its rule and that axes of one name agree everywhere.
 *
 * @param op Who asks, for the message.
 * @param rule Axis names of each input.
 * @param shapes Shapes by input name; inputs without a shape are not checked.
 * @throws ShapeError that names the input, the axis and both sizes.
 */
export function checkShapes(op: string, rule: ShapeRule, shapes: Record<string, Shape>): void {
  const seen = new Map<string, { size: number; input: string }>();
  for (const [input, axes] of Object.entries(rule)) {
    const shape = shapes[input];
    if (shape === undefined) continue;
    if (shape.length !== axes.length) {
      throw new ShapeError(
        `${op}: ${input} must have rank ${axes.length} [${axes.join(', ')}], ` +
          `but has rank ${shape.length} [${formatShape(shape)}]`,
      );
    }
    axes.forEach((axis, i) => {
      const size = shape[i];
      if (size === null || size === undefined) return;
      const first = seen.get(axis);
      if (first === undefined) {
        seen.set(axis, { size, input });
      } else if (first.size !== size) {
        throw new ShapeError(
          `${op}: ${input} has ${axis} ${size}, but ${first.input} has ${axis} ${first.size} ` +
            `(${first.input} [${formatShape(shapes[first.input] ?? [])}], ` +
            `${input} [${formatShape(shape)}])`,
        );
      }
    });
  }
}

/** Such as `?, 7, 16`. */
export function formatShape(shape: Shape): string {
  return shape.map((size) => size ?? '?').join(', ');
}
