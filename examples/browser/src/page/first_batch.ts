import type { DrawnFace } from './app.js';

/**
 * Faces that the page opens with, one or two of each class: of 4000 random batches that in which faces
 * listen most to others, and cba differs most from vit.
 */
export const firstBatch: readonly DrawnFace[] = [
  { row: 0, column: 3, className: 'surprise' },
  { row: 0, column: 5, className: 'surprise' },
  { row: 1, column: 0, className: 'fear' },
  { row: 2, column: 2, className: 'disgust' },
  { row: 2, column: 8, className: 'disgust' },
  { row: 3, column: 4, className: 'happiness' },
  { row: 3, column: 5, className: 'happiness' },
  { row: 4, column: 4, className: 'sadness' },
  { row: 5, column: 0, className: 'anger' },
  { row: 5, column: 2, className: 'anger' },
  { row: 6, column: 5, className: 'neutral' },
  { row: 6, column: 9, className: 'neutral' },
];
