/** The drawn faces that come with the page: sheets with a row for each class, by draw_faces.ts. */
import type { Picture } from './pictures.js';
import { withoutAlpha } from './pictures.js';

export interface Faces {
  classNames: string[];
  /** By class. */
  pictures: Picture[][];
}

/** `faces.json` */
interface Description {
  classNames: string[];
  size: number;
}

/** @param split `train`, or `test` with faces of other people. */
export async function loadFaces(base: string, split: 'train' | 'test'): Promise<Faces> {
  const { classNames, size } = (await (
    await fetchFile(base, 'faces/faces.json')
  ).json()) as Description;
  const sheet = await createImageBitmap(
    await (await fetchFile(base, `faces/${split}.webp`)).blob(),
  );
  const context = new OffscreenCanvas(sheet.width, size).getContext('2d', {
    willReadFrequently: true,
  })!;
  const pictures = classNames.map((_, row) => {
    context.drawImage(sheet, 0, -row * size);
    return Array.from({ length: sheet.width / size }, (_, column) => ({
      pixels: withoutAlpha(context.getImageData(column * size, 0, size, size).data),
      size,
    }));
  });
  sheet.close();
  return { classNames, pictures };
}

/** Of the page's own files. */
export async function fetchFile(base: string, path: string): Promise<Response> {
  const response = await fetch(new URL(path, base));
  if (!response.ok) throw new Error(`${path} cannot be fetched: ${response.status}`);
  return response;
}
