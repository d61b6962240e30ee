import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import type { ImageFolder } from './image_folder.js';

/**
 * What tells one list of labelled files from another, wherever the folder lies.
 *
 * @returns SHA-256 of labels and of names below the folder.
 */
export function dataFingerprint({ root, train, test }: ImageFolder): string {
  const hash = createHash('sha256');
  for (const { path, label } of [...train, ...test]) {
    hash.update(`${label} ${relative(root, path).replaceAll('\\', '/')}\n`);
  }
  return hash.digest('hex');
}
