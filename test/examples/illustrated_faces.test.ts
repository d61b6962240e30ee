import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { classNamesOf, type DataType, dataTypes } from 'btn-layers/training';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawIllustratedFaces } from '../../examples/illustrated_faces/draw.js';
import {
  type ClassName,
  expressions,
  facesOf,
  isDrawnClass,
} from '../../examples/illustrated_faces/expressions.js';
import {
  personAt,
  personKey,
  type Split,
  splitOf,
} from '../../examples/illustrated_faces/people.js';
import { drawSvg, pictureAt, takePicture } from '../../examples/illustrated_faces/picture.js';

const classNames = Object.keys(expressions) as ClassName[];
const styles = ['openPeeps', 'avataaars'] as const;
const small = { trainPerClass: 2, testPerClass: 1, seed: 5, size: 24 };

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'illustrated-faces-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function fingerprint(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
  for (const path of paths.sort()) {
    hash.update(path.slice(folder.length)).update(await readFile(path));
  }
  return hash.digest('hex');
}

const pictures = (split: Split, className: ClassName, count: number, seed = 1) =>
  Array.from({ length: count }, (_, index) => pictureAt(seed, split, className, index));

describe('the drawn classes', () => {
  it('cover every data type', () => {
    for (const dataType of Object.keys(dataTypes) as DataType[]) {
      for (const name of classNamesOf(dataType)) expect(isDrawnClass(name), name).toBe(true);
    }
  });

  it('share no face, and have each face once', () => {
    const owner = new Map<string, string>();
    for (const className of classNames) {
      for (const face of styles.flatMap((style) => facesOf(className, style))) {
        const key = JSON.stringify(face);
        expect(owner.get(key), `${key} of ${className}`).toBeUndefined();
        owner.set(key, className);
      }
    }
  });

  it('have several faces in both styles, but for disgust, which Open Peeps lacks', () => {
    for (const className of classNames) {
      expect(facesOf(className, 'avataaars').length, className).toBeGreaterThanOrEqual(3);
      const openPeeps = facesOf(className, 'openPeeps').length;
      if (className === 'disgust') expect(openPeeps).toBe(0);
      else expect(openPeeps, className).toBeGreaterThanOrEqual(2);
    }
  });

  it('really change the drawing: every face of every class looks different', () => {
    const { shot } = pictureAt(1, 'train', 'neutral', 0);
    for (const style of styles) {
      const person = Array.from({ length: 20 }, (_, index) => personAt(1, 'train', index)).find(
        (someone) => someone.style === style,
      )!;
      const faces = classNames.flatMap((className) => facesOf(className, style));
      expect(new Set(faces.map((face) => drawSvg(person, face, shot, 112))).size).toBe(
        faces.length,
      );
    }
  });
});

describe('the people', () => {
  it('of the test set are in no training set, of this seed or of another', () => {
    const keysOf = (split: Split, seed: number) =>
      classNames.flatMap((c) => pictures(split, c, 150, seed)).map(({ person }) => person);
    const train = [...keysOf('train', 1), ...keysOf('train', 2)];
    const test = keysOf('test', 1);
    for (const person of train) expect(splitOf(person)).toBe('train');
    for (const person of test) expect(splitOf(person)).toBe('test');
    const looks = (people: typeof train) =>
      new Set(people.map(({ style, head, skin }) => `${style} ${head} ${skin}`));
    const trained = looks(train);
    for (const look of looks(test)) expect(trained.has(look), look).toBe(false);
    const trainedKeys = new Set(train.map(personKey));
    for (const person of test) expect(trainedKeys.has(personKey(person))).toBe(false);
  });

  it('are many', () => {
    for (const split of ['train', 'test'] as const) {
      const people = pictures(split, 'neutral', 200).map(({ person }) => person);
      expect(new Set(people.map(personKey)).size).toBeGreaterThan(195);
      expect(new Set(people.map(({ head }) => head)).size).toBeGreaterThan(20);
      expect(new Set(people.map(({ skin }) => skin)).size).toBe(6);
    }
  });

  it('pose once for every class: who it is tells nothing about the class', () => {
    for (const split of ['train', 'test'] as const) {
      const neutral = pictures(split, 'neutral', 100);
      for (const className of classNames) {
        for (const [index, { person }] of pictures(split, className, 100).entries()) {
          const anyone = neutral[index]!.person;
          if (className === 'disgust' && anyone.style === 'openPeeps') {
            expect(person.style).toBe('avataaars');
          } else {
            expect(person).toEqual(anyone);
          }
        }
      }
    }
  });

  it('come in both styles', () => {
    for (const split of ['train', 'test'] as const) {
      const people = pictures(split, 'neutral', 400);
      const share = people.filter(({ person }) => person.style === 'openPeeps').length / 400;
      expect(share).toBeGreaterThan(0.32);
      expect(share).toBeLessThan(0.48);
    }
  });
});

describe('the shots', () => {
  it('are spread alike in every class', () => {
    for (const className of classNames) {
      const shots = pictures('train', className, 400).map(({ shot }) => shot);
      const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / 400;
      // Four standard errors of the uniform distributions from which they come.
      expect(Math.abs(mean(shots.map((s) => s.rotation))), className).toBeLessThan(1.2);
      expect(Math.abs(mean(shots.map((s) => s.scale)) - 1), className).toBeLessThan(0.01);
      expect(Math.abs(mean(shots.map((s) => s.quality)) - 77.5), className).toBeLessThan(2.2);
      expect(Math.abs(mean(shots.map((s) => Number(s.mirrored))) - 0.5), className).toBeLessThan(
        0.1,
      );
    }
  });

  it('are square, of the asked size, in three channels', async () => {
    for (const size of [16, 112]) {
      const jpeg = await takePicture(pictureAt(1, 'test', 'anger', 0), size).toBuffer();
      const { format, width, height, channels } = await sharp(jpeg).metadata();
      expect({ format, width, height, channels }).toEqual({
        format: 'jpeg',
        width: size,
        height: size,
        channels: 3,
      });
    }
  });
});

describe('drawIllustratedFaces', () => {
  it("writes the authors' folders and says what they are", async () => {
    const out = join(root, 'layout', 'eight');
    const progress: [number, number][] = [];
    const drawn = await drawIllustratedFaces({
      ...small,
      out,
      dataType: 'AffectNet-8',
      onProgress: (done, total) => progress.push([done, total]),
    });
    expect(drawn).toEqual({ train: 16, test: 8, reused: false });
    expect((await readdir(out)).sort()).toEqual(['dataset.json', 'test', 'train']);
    for (const [split, count] of [
      ['train', 2],
      ['test', 1],
    ] as const) {
      expect((await readdir(join(out, split))).sort()).toEqual([...'12345678']);
      for (const label of '12345678') {
        const files = await readdir(join(out, split, label));
        expect(files).toHaveLength(count);
        for (const file of files) expect(file).toMatch(/^(train|test)_\d{5}\.jpg$/);
      }
    }
    expect(progress).toEqual(Array.from({ length: 24 }, (_, index) => [index + 1, 24]));
    const description = JSON.parse(await readFile(join(out, 'dataset.json'), 'utf8'));
    expect(description).toMatchObject({ dataType: 'AffectNet-8', seed: 5, size: 24 });
    expect(description.classNames).toEqual(classNamesOf('AffectNet-8'));
    expect(description.licences.join()).toMatch(/CC0.*free for personal and commercial use.*MIT/);
    // Nothing of the drawing is left beside the folder.
    expect(await readdir(join(root, 'layout'))).toEqual(['eight']);
  });

  it('gives the same bytes for the same seed and others for another', async () => {
    const prints = [];
    for (const [name, seed] of [
      ['one', 5],
      ['same', 5],
      ['other', 6],
    ] as const) {
      const out = join(root, name);
      await drawIllustratedFaces({ ...small, seed, out });
      await rm(join(out, 'dataset.json'));
      prints.push(await fingerprint(out));
    }
    expect(prints[1]).toBe(prints[0]);
    expect(prints[2]).not.toBe(prints[0]);
  });

  it('draws the same pictures of a class whatever its folder number and the counts', async () => {
    const raf = join(root, 'raf');
    const affectNet = join(root, 'affectnet');
    await drawIllustratedFaces({ ...small, out: raf, dataType: 'RAF-DB' });
    await drawIllustratedFaces({
      ...small,
      out: affectNet,
      trainPerClass: 3,
      dataType: 'AffectNet-7',
    });
    const label = (dataType: DataType) => `${classNamesOf(dataType).indexOf('anger') + 1}`;
    const first = await readFile(join(raf, 'train', label('RAF-DB'), 'train_00001.jpg'));
    const second = await readFile(
      join(affectNet, 'train', label('AffectNet-7'), 'train_00001.jpg'),
    );
    expect(second.equals(first)).toBe(true);
  });

  it('keeps a folder that holds this data set, and draws anew what is another or incomplete', async () => {
    const out = join(root, 'again');
    const picture = join(out, 'train', '1', 'train_00001.jpg');
    await drawIllustratedFaces({ ...small, out });
    const { mtimeMs } = await stat(picture);
    const bytes = await readFile(picture);
    expect(await drawIllustratedFaces({ ...small, out })).toEqual({
      train: 14,
      test: 7,
      reused: true,
    });
    expect((await stat(picture)).mtimeMs).toBe(mtimeMs);

    expect((await drawIllustratedFaces({ ...small, seed: 6, out })).reused).toBe(false);
    expect((await readFile(picture)).equals(bytes)).toBe(false);

    // As a version of the program with other faces would have left it.
    const descriptionFile = join(out, 'dataset.json');
    const description = await readFile(descriptionFile, 'utf8');
    await writeFile(descriptionFile, description.replace(/"drawing": "\w{16}"/, '"drawing": "0"'));
    expect((await drawIllustratedFaces({ ...small, seed: 6, out })).reused).toBe(false);
    expect(await readFile(descriptionFile, 'utf8')).toBe(description);

    await rm(picture);
    expect((await drawIllustratedFaces({ ...small, seed: 6, out })).reused).toBe(false);
    expect((await stat(picture)).size).toBeGreaterThan(0);
  });

  it('refuses a folder that it did not draw, and leaves it as it was', async () => {
    const foreign = join(root, 'foreign');
    await mkdir(foreign);
    await writeFile(join(foreign, 'thesis.txt'), 'irreplaceable');
    await expect(drawIllustratedFaces({ ...small, out: foreign })).rejects.toThrow(
      /foreign.*not drawn by this program.*thesis\.txt/,
    );
    expect(await readdir(foreign)).toEqual(['thesis.txt']);

    // A data set of ours to which somebody added something.
    const ours = join(root, 'ours');
    await drawIllustratedFaces({ ...small, out: ours });
    await writeFile(join(ours, 'notes.txt'), 'mine');
    await expect(drawIllustratedFaces({ ...small, seed: 6, out: ours })).rejects.toThrow(
      /notes\.txt/,
    );
    expect(await readFile(join(ours, 'notes.txt'), 'utf8')).toBe('mine');

    // RAF-DB itself has the same folders, but no description.
    const real = join(root, 'real');
    await mkdir(join(real, 'train', '1'), { recursive: true });
    await expect(drawIllustratedFaces({ ...small, out: real })).rejects.toThrow(/no dataset\.json/);

    await expect(
      drawIllustratedFaces({ ...small, out: join(foreign, 'thesis.txt') }),
    ).rejects.toThrow(/which is a file/);
  });

  it('leaves nothing at out when it fails midway', async () => {
    const parent = join(root, 'failing');
    await expect(
      drawIllustratedFaces({
        ...small,
        out: join(parent, 'set'),
        onProgress: (done) => {
          if (done === 3) throw new Error('pulled the plug');
        },
      }),
    ).rejects.toThrow('pulled the plug');
    expect(await readdir(parent)).toEqual([]);
  });

  it('names the option that is wrong, before it draws', async () => {
    const out = join(root, 'wrong');
    const attempt = (options: object) => drawIllustratedFaces({ ...small, out, ...options });
    await expect(attempt({ out: '' })).rejects.toThrow(/out is ""/);
    await expect(attempt({ dataType: 'FER' })).rejects.toThrow(/dataType is "FER".*RAF-DB/);
    await expect(attempt({ trainPerClass: 0 })).rejects.toThrow(/trainPerClass is 0.*from 1/);
    await expect(attempt({ testPerClass: 1.5 })).rejects.toThrow(/testPerClass is 1\.5/);
    await expect(attempt({ seed: -1 })).rejects.toThrow(/seed is -1/);
    await expect(attempt({ size: Number.NaN })).rejects.toThrow(/size is NaN/);
    await expect(stat(out)).rejects.toThrow(/ENOENT/);
  });
});
