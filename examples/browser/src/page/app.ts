/** The state of the page, and all that can be done to it. */
import type { Remote } from 'comlink';
import type { Network } from '../network/network.js';
import {
  type Backend,
  type BatchItem,
  type Damage,
  damages,
  type ModelInfo,
  type NamedFile,
  undamaged,
} from '../protocol.js';
import type { BatchReading, Change } from './changes.js';
import { nextTask } from './dom.js';

export interface Face {
  /** What the page calls it by: faces keep their numbers. */
  id: number;
  /** Of a file, or what a drawn face shows. */
  name: string;
  /** The class that it was drawn as. */
  truth?: string;
  damage: Damage;
  /** What the network sees, once it is known. */
  picture?: ImageData;
  pictureIsStale: boolean;
}

/** A place in the sheet of drawn faces. */
export interface DrawnFace {
  row: number;
  column: number;
  className: string;
}

/** The heat map has so many rows and columns. */
export const mostFaces = 24;

export class App {
  faces: Face[] = [];
  model: ModelInfo | undefined;
  reading: BatchReading | undefined;
  /** Of the batch in which the selected face is as it was. */
  undamagedReading: BatchReading | undefined;
  change: Change | undefined;
  selected: number | undefined;
  /** Under the pointer, or focused. */
  pointed: number | undefined;
  shownClass = 0;
  backend: Backend = 'wasm';
  /** By backend, once measured. */
  milliseconds: Partial<Record<Backend, number>> = {};
  /** What the worker is doing that takes its time, in words. */
  busy: string | undefined;
  isTraining = false;

  private readonly views: (() => void)[] = [];
  private rendering: Promise<void> | undefined;
  private mustRenderAgain = false;
  private readonly drawnFaces = new Map<string, number>();
  private readonly leaving: number[] = [];
  private nextId = 1;
  private reads: Promise<void> | undefined;
  private mustReadAgain = false;

  /**
   * @param report Says so on the page when what was asked for fails.
   * @param markBusy Told whether the page shows the batch as it is.
   */
  constructor(
    readonly network: Remote<Network>,
    readonly report: (work: Promise<unknown>) => void,
    private readonly markBusy: (isBusy: boolean) => void,
  ) {}

  /** Calls a view whenever anything has changed. */
  onChange(view: () => void): void {
    this.views.push(view);
  }

  emit(): void {
    this.mustRenderAgain = true;
    this.markBusy(true);
    this.rendering ??= this.render().finally(() => {
      this.rendering = undefined;
      this.markBusy(this.reads !== undefined);
    });
  }

  /** Each view in a task of its own, so that none is long. */
  private async render(): Promise<void> {
    while (this.mustRenderAgain) {
      this.mustRenderAgain = false;
      for (const view of this.views) {
        view();
        await nextTask();
      }
    }
  }

  /** Whose attention is shown. */
  get listener(): number | undefined {
    return this.pointed ?? this.selected;
  }

  get room(): number {
    return mostFaces - this.faces.length;
  }

  faceOf(id: number | undefined): Face | undefined {
    return this.faces.find((face) => face.id === id);
  }

  point(id: number | undefined): void {
    if (id === this.pointed) return;
    this.pointed = id;
    this.emit();
  }

  select(id: number): void {
    this.selected = id;
    this.emit();
    this.report(this.read());
  }

  showClass(label: number): void {
    this.shownClass = label;
    this.emit();
  }

  async addPictures(pictures: readonly { name: string; source: Blob | ImageBitmap }[]) {
    const taken = pictures.slice(0, this.room);
    const problems = taken.length < pictures.length ? [`a batch holds ${mostFaces} faces`] : [];
    for (const { name, source } of taken) {
      const id = this.nextId++;
      await this.network
        .addPicture(id, name, source)
        .then(() => this.enter([{ id, name }]))
        .catch((error: Error) => problems.push(error.message));
    }
    if (problems.length > 0) throw new Error(problems.join('; '));
  }

  async addDrawnFaces(drawn: readonly DrawnFace[]): Promise<void> {
    const taken = drawn.filter((face) => this.drawn(face) === undefined).slice(0, this.room);
    const entering = taken.map((face) => {
      const id = this.nextId++;
      this.drawnFaces.set(keyOf(face), id);
      return { id, face };
    });
    await Promise.all(
      entering.map(({ id, face: { row, column } }) => this.network.addFace(id, row, column)),
    );
    this.enter(
      entering.map(({ id, face: { className } }) => ({ id, name: className, truth: className })),
    );
    if (taken.length === 0 && this.room === 0) throw new Error(`a batch holds ${mostFaces} faces`);
  }

  /** The number of a drawn face in the batch. */
  drawn(face: DrawnFace): number | undefined {
    return this.drawnFaces.get(keyOf(face));
  }

  remove(ids: readonly number[]): void {
    if (ids.length === 0) return;
    this.note(ids.length === 1 ? `Face ${ids[0]} left` : `${ids.length} faces left`);
    const next = this.faces.findIndex(({ id }) => id === ids[0]);
    this.faces = this.faces.filter(({ id }) => !ids.includes(id));
    for (const [key, id] of this.drawnFaces) if (ids.includes(id)) this.drawnFaces.delete(key);
    this.leaving.push(...ids);
    if (this.pointed !== undefined && ids.includes(this.pointed)) this.pointed = undefined;
    if (this.selected !== undefined && ids.includes(this.selected)) {
      this.selected = (this.faces[next] ?? this.faces.at(-1))?.id;
    }
    this.emit();
    this.report(this.read());
  }

  damage(id: number, kind: keyof Damage, severity: number): void {
    const face = this.faceOf(id);
    if (!face || face.damage[kind] === severity) return;
    face.damage = { ...face.damage, [kind]: severity };
    const text = `Face ${id} ${damageText(face.damage)}`;
    // One change for as long as one slider after the other moves.
    if (this.change?.damaged === id) this.change = { ...this.change, text };
    else this.note(text, id);
    face.pictureIsStale = true;
    this.emit();
    this.report(this.read());
  }

  async loadModel(files: readonly NamedFile[]): Promise<void> {
    await this.bring(() => this.network.loadModel(files));
  }

  async useBundledModel(): Promise<void> {
    await this.bring(() => this.network.useBundledModel());
  }

  private async bring(model: () => Promise<ModelInfo>): Promise<void> {
    await this.while('reading the model', async () => {
      this.take(await model());
      this.milliseconds = {};
      await this.read();
      await this.measure();
    });
  }

  /** Everything that was read was read by another model. */
  take(model: ModelInfo): void {
    const className = this.model?.classNames[this.shownClass];
    this.model = model;
    this.shownClass = Math.max(0, model.classNames.indexOf(className ?? ''));
    this.reading = undefined;
    this.undamagedReading = undefined;
    this.change = undefined;
    for (const face of this.faces) face.pictureIsStale = true;
    this.emit();
    this.report(this.read());
  }

  async switchBackend(backend: Backend): Promise<void> {
    const before = this.backend;
    this.backend = backend;
    await this.while(`starting ${backend}`, async () => {
      try {
        await this.network.setBackend(backend);
      } catch (error) {
        this.backend = before;
        throw error;
      }
      await this.read();
      await this.measure();
    });
  }

  /** Times the batch on the backend in use. */
  async measure(): Promise<void> {
    const batch = this.batch();
    if (batch.length === 0) return;
    this.milliseconds[this.backend] = await this.network.time(batch);
    this.emit();
  }

  /** Says what is being done for as long as it takes. */
  async while<T>(doing: string, work: () => Promise<T>): Promise<T> {
    this.busy = doing;
    this.emit();
    try {
      return await work();
    } finally {
      this.busy = undefined;
      this.emit();
    }
  }

  /** Has the batch read by the network. Changes in the meantime are read together when it is done. */
  read(): Promise<void> {
    this.mustReadAgain = true;
    this.reads ??= this.readUntilDone().finally(() => {
      this.reads = undefined;
      this.emit();
    });
    return this.reads;
  }

  /** Shows the class and the face for which there is most to see: where faces listen to others. */
  showWhatMixes(): void {
    const { attention, ids } = this.reading ?? {};
    if (!attention || !ids) return;
    const toItself = attention.map((ofClass) => ofClass.map((row, i) => row[i]!));
    const sums = toItself.map((ofClass) => ofClass.reduce((sum, weight) => sum + weight, 0));
    this.shownClass = sums.indexOf(Math.min(...sums));
    const ofClass = toItself[this.shownClass]!;
    this.selected = ids[ofClass.indexOf(Math.min(...ofClass))];
    this.emit();
  }

  private async readUntilDone(): Promise<void> {
    while (this.mustReadAgain) {
      this.mustReadAgain = false;
      await this.readOnce();
      if (this.mustReadAgain) this.emit();
    }
  }

  private async readOnce(): Promise<void> {
    if (!this.model) return;
    const left = this.leaving.splice(0);
    const batch = this.batch();
    const ids = batch.map(({ id }) => id);
    for (const face of this.faces.filter(({ pictureIsStale }) => pictureIsStale)) {
      face.pictureIsStale = false;
      face.picture = await this.network.look({ id: face.id, damage: face.damage });
    }
    const selected = this.faceOf(this.selected);
    const reading = batch.length > 0 ? await this.network.read(batch) : undefined;
    const isDamaged = selected && Object.values(selected.damage).some((severity) => severity > 0);
    const before = batch.map((item) =>
      item.id === selected?.id ? { ...item, damage: undamaged } : item,
    );
    const undamagedReading = isDamaged ? await this.network.read(before) : undefined;
    this.reading = reading && { ids, ...reading };
    this.undamagedReading = undamagedReading && { ids, ...undamagedReading };
    for (const id of left) await this.network.remove(id);
  }

  private batch(): BatchItem[] {
    return this.faces.map(({ id, damage }) => ({ id, damage }));
  }

  private enter(entering: readonly Pick<Face, 'id' | 'name' | 'truth'>[]): void {
    if (entering.length === 0) return;
    const [first] = entering;
    this.note(entering.length === 1 ? `Face ${first!.id} came` : `${entering.length} faces came`);
    this.faces.push(
      ...entering.map((face) => ({ ...face, damage: undamaged, pictureIsStale: true })),
    );
    this.selected ??= first!.id;
    this.emit();
    this.report(this.read());
  }

  private note(text: string, damaged?: number): void {
    this.change = this.reading && {
      text,
      before: this.reading,
      ...(damaged !== undefined && { damaged }),
    };
  }
}

function damageText(damage: Damage): string {
  const done = { occlusion: 'occluded', blur: 'blurred', dark: 'darkened' } as const;
  const parts = damages
    .filter((kind) => damage[kind] > 0)
    .map((kind) => `${done[kind]} ${damage[kind]} of 5`);
  return parts.join(', ') || 'as it was';
}

function keyOf({ row, column }: DrawnFace): string {
  return `${row} ${column}`;
}
