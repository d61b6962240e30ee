/** All that computes: one model on one backend, in a worker, so that the page never waits. */
// On which webgl and webgpu compute what is small.
import '@tensorflow/tfjs-backend-cpu';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { optimizeForInference } from 'btn-layers/models';
import { elementCount } from 'btn-layers/weights';
import type {
  Backend,
  BatchItem,
  FaceSheet,
  ModelInfo,
  NamedFile,
  Reading,
  TrainingProgress,
  TrainingSettings,
} from '../protocol.js';
import { undamaged } from '../protocol.js';
import { availableBackends, startBackend } from './backends.js';
import { combineFaces, type Encoding, encodeFaces } from './encoder.js';
import { type Faces, fetchFile, loadFaces } from './face_sheets.js';
import {
  buildModel,
  type ModelSource,
  readModel,
  readWeights,
  writeModel,
} from './model_source.js';
import { decodePicture, imageDataOf, type Picture, seenBy } from './pictures.js';
import { trainOnFaces } from './training.js';

const bundledModel = 'model/tiny_btn.safetensors';

export class Network {
  /** Of the page, by which its files are found. */
  private base = '';
  private source: ModelSource | undefined;
  private model: LayersModel | undefined;
  private faces: Faces | undefined;
  private trainFaces: Faces | undefined;
  private readonly pictures = new Map<number, Picture>();
  /** By face and damage, of the model in use. */
  private readonly encodings = new Map<string, Encoding>();
  private stopped = false;
  private last: Promise<unknown> = Promise.resolve();

  /** Starts wasm with the model that comes with the page. */
  async start(base: string): Promise<ModelInfo> {
    this.base = base;
    const file = fetchFile(base, bundledModel).then((response) => response.arrayBuffer());
    return this.alone(async () => {
      await startBackend('wasm');
      return this.use(readWeights(bundledModel, new Uint8Array(await file)));
    });
  }

  backends(): Promise<Backend[]> {
    return availableBackends();
  }

  /** @throws Error when the browser does not have it; all stays as it was. */
  setBackend(backend: Backend): Promise<void> {
    return this.alone(async () => {
      const source = this.source!;
      // Weights move through memory: a backend on a GPU cannot hand its tensors over at once.
      this.model?.dispose();
      this.model = undefined;
      try {
        await startBackend(backend);
      } finally {
        this.use(source);
      }
    });
  }

  /** The drawn faces to choose from, none of which the model has been trained on. */
  async faceSheet(): Promise<FaceSheet> {
    const { classNames, pictures } = await this.testFaces();
    const images = pictures.map((row) => row.map(({ pixels, size }) => imageDataOf(pixels, size)));
    return { classNames, pictures: images };
  }

  /** @throws Error when it is no image. */
  async addPicture(id: number, name: string, source: Blob | ImageBitmap): Promise<void> {
    this.pictures.set(id, await decodePicture(name, source));
  }

  /** @param label Row and column in the sheet. */
  async addFace(id: number, label: number, column: number): Promise<void> {
    this.pictures.set(id, (await this.testFaces()).pictures[label]![column]!);
  }

  remove(id: number): void {
    this.pictures.delete(id);
    for (const key of this.encodings.keys()) {
      if (key.startsWith(`${id} `)) this.encodings.delete(key);
    }
  }

  /** What the network sees of a face. */
  look({ id, damage }: BatchItem): ImageData {
    const { inputSize } = this.source!.metadata.config;
    return imageDataOf(seenBy(this.pictures.get(id)!, inputSize, id, damage), inputSize);
  }

  read(batch: readonly BatchItem[]): Promise<Reading> {
    return this.alone(async () => {
      const missing = batch.filter((item) => !this.encodings.has(keyOf(item)));
      const encoded = await this.encode(missing);
      missing.forEach((item, i) => {
        this.encodings.set(keyOf(item), encoded[i]!);
      });
      const encodings = batch.map((item) => this.encodings.get(keyOf(item))!);
      return combineFaces(this.model!, encodings);
    });
  }

  /** Milliseconds an image of running a batch from the first pixel on, once warm. */
  time(batch: readonly BatchItem[]): Promise<number> {
    return this.alone(async () => {
      await this.encode(batch);
      const start = performance.now();
      await combineFaces(this.model!, await this.encode(batch));
      return (performance.now() - start) / batch.length;
    });
  }

  /** @throws Error when there is no model in the files that fits; the one in use stays. */
  loadModel(files: readonly NamedFile[]): Promise<ModelInfo> {
    return this.alone(async () => this.use(await readModel(files)));
  }

  useBundledModel(): Promise<ModelInfo> {
    return this.start(this.base);
  }

  /** The model in use, as a .safetensors file. */
  saveModel(): Blob {
    return new Blob([writeModel(this.source!) as Uint8Array<ArrayBuffer>]);
  }

  /**
   * Trains, and uses what was trained after each epoch.
   *
   * @param onEpoch Called with the model after an epoch, which is in use from then on.
   */
  async train(
    settings: TrainingSettings,
    onStep: (progress: TrainingProgress) => void,
    onEpoch: (model: ModelInfo) => void,
  ): Promise<void> {
    this.stopped = false;
    const start = settings.fromModel ? this.source : undefined;
    if (start && start.metadata.preset !== 'tiny') {
      throw new Error('the full network is too large to train in a page');
    }
    this.trainFaces ??= await loadFaces(this.base, 'train');
    await trainOnFaces(this.trainFaces, start, settings, {
      alone: (work) => this.alone(work),
      onStep,
      onEpoch: async (source) => {
        const info = await this.alone(async () => this.use(source));
        const accuracy = await this.accuracy();
        onEpoch(info);
        return accuracy;
      },
      isStopped: () => this.stopped,
    });
  }

  stopTraining(): void {
    this.stopped = true;
  }

  /** Of the drawn faces of people in no training picture: which part `vit` names rightly. */
  private async accuracy(): Promise<number> {
    const { classNames, pictures } = await this.testFaces();
    const { config, classNames: known } = this.source!.metadata;
    const images = pictures.flat().map((face, i) => seenBy(face, config.inputSize, i, undamaged));
    const labels = pictures.flatMap((row, c) => row.map(() => known.indexOf(classNames[c]!)));
    const { probabilities } = await this.alone(async () =>
      combineFaces(this.model!, await encodeFaces(this.model!, images, config.inputSize)),
    );
    const right = probabilities.vit.filter((row, i) => row.indexOf(Math.max(...row)) === labels[i]);
    return right.length / labels.length;
  }

  private async testFaces(): Promise<Faces> {
    this.faces ??= await loadFaces(this.base, 'test');
    return this.faces;
  }

  private encode(batch: readonly BatchItem[]): Promise<Encoding[]> {
    const { inputSize } = this.source!.metadata.config;
    const images = batch.map(({ id, damage }) =>
      seenBy(this.pictures.get(id)!, inputSize, id, damage),
    );
    return encodeFaces(this.model!, images, inputSize);
  }

  private use(source: ModelSource): ModelInfo {
    const whole = buildModel(source);
    const model = optimizeForInference(whole);
    whole.dispose();
    this.model?.dispose();
    this.model = model;
    this.source = source;
    this.encodings.clear();
    const { config, classNames } = source.metadata;
    const parameters = [...source.stateDict.values()].reduce(
      (sum, { dtype, shape }) => sum + (dtype === 'int64' ? 0 : elementCount(shape)),
      0,
    );
    return {
      name: source.name,
      classNames,
      inputSize: config.inputSize,
      parameters,
      hasBatchTransformer: config.batchTransformer !== false,
    };
  }

  /** One after the other: a backend must not change under a computation that is under way. */
  private alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }
}

function keyOf({ id, damage: { occlusion, blur, dark } }: BatchItem): string {
  return `${id} ${occlusion} ${blur} ${dark}`;
}
