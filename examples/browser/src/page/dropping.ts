/** Images, models and folders that are dropped anywhere on the page, and cards dragged out of the batch. */
import type { NamedFile } from '../protocol.js';
import type { App, DrawnFace } from './app.js';
import { cardType } from './batch_view.js';
import { section } from './dom.js';
import { drawnType } from './drawn_faces_view.js';

export function acceptDrops(app: App): void {
  const { body } = document;
  const batch = section('batch');
  body.addEventListener('dragover', (event) => {
    event.preventDefault();
    const isCard = event.dataTransfer!.types.includes(cardType);
    const isInside = batch.contains(event.target as Node);
    event.dataTransfer!.dropEffect = isCard ? 'move' : 'copy';
    body.classList.toggle('dropping', !isCard);
    body.classList.toggle('removing', isCard && !isInside);
  });
  const end = () => body.classList.remove('dropping', 'removing');
  body.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) end();
  });
  body.addEventListener('dragend', end);
  body.addEventListener('drop', (event) => {
    event.preventDefault();
    end();
    const data = event.dataTransfer!;
    const [card, drawn] = [data.getData(cardType), data.getData(drawnType)];
    if (card !== '') {
      if (!batch.contains(event.target as Node)) app.remove([Number(card)]);
    } else if (drawn !== '') app.report(app.addDrawnFaces([JSON.parse(drawn) as DrawnFace]));
    else app.report(take(app, filesOf(data)));
  });
}

async function take(app: App, dropped: Promise<NamedFile[]>): Promise<void> {
  const files = await dropped;
  const isModel = ({ path }: NamedFile) => /(\.safetensors|\.pth|\.pt|model\.json)$/.test(path);
  if (files.some(isModel)) return app.loadModel(files);
  const images = files.filter(({ path, file }) => !path.includes('/') || isImage(file));
  await app.addPictures(images.map(({ file }) => ({ name: file.name, source: file })));
}

function isImage({ type }: File): boolean {
  return type.startsWith('image/');
}

/** Folders are walked. The items must be asked for before the event is over. */
async function filesOf(data: DataTransfer): Promise<NamedFile[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry());
  const plain = [...data.files];
  const found = await Promise.all(
    entries.map((entry, i) => {
      if (entry) return filesBelow(entry, entry.name);
      return plain[i] ? [{ path: plain[i].name, file: plain[i] }] : [];
    }),
  );
  return found.flat();
}

async function filesBelow(entry: FileSystemEntry, path: string): Promise<NamedFile[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => {
      (entry as FileSystemFileEntry).file(resolve, reject);
    });
    return [{ path, file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const children: FileSystemEntry[] = [];
  // It gives at most 100 at a time.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) break;
    children.push(...some);
  }
  const below = children.map((child) => filesBelow(child, `${path}/${child.name}`));
  return (await Promise.all(below)).flat();
}
