import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { imageFolder } from '../../../src/node/images/image_folder.js';
import { classNamesOf, type DataType } from '../../../src/training/data_types.js';
import { messageOf, temporaryFolder, writeFile } from '../temporary_folder.js';

const folder = temporaryFolder();
let count = 0;
let root: string;

beforeEach(() => {
  count += 1;
  root = join(folder, String(count));
  mkdirSync(root);
});

function numbers(classes: number, from = 1): string[] {
  return Array.from({ length: classes }, (_, i) => String(i + from));
}

function fill(split: string, labels: readonly string[], files = ['b.jpg', 'a.PNG']): void {
  for (const label of labels) {
    for (const file of files) writeFile(join(root, split, label, file));
  }
}

function failure(dataType: DataType = 'RAF-DB'): Promise<string> {
  return messageOf(imageFolder(root, dataType));
}

describe('imageFolder', () => {
  it('lists numbered folders in a fixed order', async () => {
    fill('train', numbers(7));
    fill('test', numbers(7), ['10.jpg', '9.jpg']);
    const found = await imageFolder(root, 'RAF-DB');
    expect(found.classNames).toEqual(classNamesOf('RAF-DB'));
    expect(found.train).toHaveLength(14);
    expect(found.train.slice(0, 3)).toEqual([
      { path: join(root, 'train/1/a.PNG'), label: 0 },
      { path: join(root, 'train/1/b.jpg'), label: 0 },
      { path: join(root, 'train/2/a.PNG'), label: 1 },
    ]);
    expect(found.test[0]).toEqual({ path: join(root, 'test/1/10.jpg'), label: 0 });
    expect(found.ignored).toBe(0);
  });

  it('takes class names and their synonyms, in any case, as labels', async () => {
    const names = ['Neutral', 'happy', 'SAD', 'Surprised', 'fearful', 'Disgusted', 'Angry'];
    fill('Train', [...names, 'contempt']);
    fill('VALID', [...names, 'Contemptuous']);
    const { train, test } = await imageFolder(root, 'AffectNet-8');
    expect(train.filter(({ path }) => path.includes('/Angry/')).map(({ label }) => label)).toEqual([
      6, 6,
    ]);
    expect(train.map(({ label }) => label)).toEqual(
      numbers(8, 0).flatMap((label) => [Number(label), Number(label)]),
    );
    expect(test).toHaveLength(16);
  });

  it.each(['test', 'valid', 'val'])('accepts %s/ for the test split', async (name) => {
    fill(name, numbers(7));
    const found = await imageFolder(root, 'AffectNet-7', { splits: ['test'] });
    expect(found.test).toHaveLength(14);
    expect(found.train).toEqual([]);
  });

  it('prefers test/ to valid/', async () => {
    fill('valid', numbers(7), ['valid.jpg']);
    fill('test', numbers(7), ['test.jpg']);
    const { test } = await imageFolder(root, 'RAF-DB', { splits: ['test'] });
    expect(test[0]?.path).toBe(join(root, 'test/1/test.jpg'));
  });

  it('counts files that are no images and passes over hidden ones', async () => {
    fill('train', numbers(7), ['a.jpg', 'notes.txt', '.DS_Store', '._a.jpg']);
    writeFile(join(root, 'train/labels.csv'));
    writeFile(join(root, 'train/.cache/x.jpg'));
    const found = await imageFolder(root, 'RAF-DB', { splits: ['train'] });
    expect(found.train).toHaveLength(7);
    expect(found.ignored).toBe(8);
  });

  it('follows links to folders', async () => {
    fill('train', numbers(6));
    fill('elsewhere', ['seven']);
    symlinkSync(join(root, 'elsewhere/seven'), join(root, 'train/7'));
    const { train } = await imageFolder(root, 'RAF-DB', { splits: ['train'] });
    expect(train).toHaveLength(14);
  });

  it('allows an empty class in the test split only', async () => {
    fill('train', numbers(7));
    fill('test', numbers(6));
    mkdirSync(join(root, 'test/7'));
    expect((await imageFolder(root, 'RAF-DB')).test).toHaveLength(12);
    mkdirSync(join(root, 'train/8'));
    fill('test', ['8']);
    fill('test', ['7']);
    expect(await failure('AffectNet-8')).toMatch(/train\/8 has no images: every class needs some/);
  });
});

describe('imageFolder explains', () => {
  it('a missing folder', async () => {
    root = join(folder, 'nowhere');
    expect(await failure()).toMatch(/^UserError: cannot read the folder .*nowhere: no such file/);
  });

  it('an empty folder', async () => {
    expect(await failure()).toMatch(/is empty: expected train\/LABEL\/\*\.jpg and test\/LABEL/);
  });

  it('a missing split', async () => {
    fill('train', numbers(7));
    expect(await failure()).toMatch(
      /has no test folder: expected test\/LABEL\/\*\.jpg \(or valid\/, val\/\); found train$/,
    );
    root = join(root, 'train');
    expect(await failure()).toMatch(/no train and no test folder.*found 1, 2, 3, 4, 5, 6, 7$/);
  });

  it('7 classes given as 8 and 8 given as 7', async () => {
    fill('train', numbers(7));
    fill('test', numbers(7));
    expect(await failure('AffectNet-8')).toMatch(
      /train has 7 label folders but AffectNet-8 has 8 classes: use --data_type RAF-DB or AffectNet-7, whichever/,
    );
    fill('train', ['8']);
    fill('test', ['8']);
    expect(await failure('RAF-DB')).toMatch(
      /train has 8 label folders but RAF-DB has 7 classes: use --data_type AffectNet-8$/,
    );
  });

  it('8 named classes given as 7', async () => {
    fill('train', classNamesOf('AffectNet-8'));
    fill('test', classNamesOf('AffectNet-8'));
    expect(await failure('AffectNet-7')).toMatch(/use --data_type AffectNet-8$/);
  });

  it('labels counted from 0', async () => {
    fill('train', numbers(7, 0));
    fill('test', numbers(7, 0));
    expect(await failure()).toMatch(/folder that is no label of RAF-DB: 0 .*labels count from 1/);
  });

  it('unknown and missing label folders', async () => {
    fill('train', [...numbers(7), 'bored', 'constructor']);
    fill('test', numbers(7));
    expect(await failure()).toMatch(
      /train has folders that are no label of RAF-DB: bored, constructor \(expected 1…7 or surprise,/,
    );
  });

  it('missing label folders', async () => {
    fill('train', ['1', '2', '4', '5', '6']);
    fill('test', numbers(7));
    expect(await failure()).toMatch(/train lacks the label folders 3 \(disgust\), 7 \(neutral\)/);
  });

  it('two folders for one class', async () => {
    fill('train', [...numbers(7), 'happy']);
    fill('test', numbers(7));
    expect(await failure()).toMatch(/two folders for happiness, 4 and happy: keep one/);
  });

  it('files where folders belong', async () => {
    root = writeFile(join(root, 'data.zip'));
    expect(await failure()).toMatch(/data\.zip is a file, but a folder is expected/);
  });

  it('a split or a label that is a file', async () => {
    writeFile(join(root, 'train'));
    fill('test', numbers(7));
    expect(await failure()).toMatch(/train is a file, but a folder is expected/);
    fill('valid', numbers(6));
    writeFile(join(root, 'test/happy'));
    expect(await messageOf(imageFolder(root, 'RAF-DB', { splits: ['test'] }))).toMatch(
      /test\/happy is a file, but a folder is expected/,
    );
  });

  it('images outside label folders or in folders below them', async () => {
    fill('train', numbers(7));
    fill('test', numbers(7));
    writeFile(join(root, 'test/1/more/a.jpg'));
    expect(await failure()).toMatch(/test\/1\/more is a folder inside a label folder/);
    writeFile(join(root, 'train/a.jpg'));
    expect(await failure()).toMatch(
      /train holds 1 image outside any label folder: put each into train\/LABEL/,
    );
  });

  it('splits without label folders and without images', async () => {
    mkdirSync(join(root, 'train'));
    mkdirSync(join(root, 'test'));
    expect(await failure()).toMatch(/train has no label folders: expected 1…7 or surprise/);
    for (const label of numbers(7)) mkdirSync(join(root, 'test', label));
    expect(await messageOf(imageFolder(root, 'RAF-DB', { splits: ['test'] }))).toMatch(
      /test has no images in its label folders/,
    );
  });

  it('an unknown data type', async () => {
    expect(await failure('FER' as DataType)).toMatch(/unknown data type "FER": expected RAF-DB, /);
  });
});
