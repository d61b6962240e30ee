import * as Comlink from 'comlink';
import type { Network } from './network/network.js';
import { App } from './page/app.js';
import { attentionView } from './page/attention_view.js';
import { batchView } from './page/batch_view.js';
import { nextTask, section } from './page/dom.js';
import { acceptDrops } from './page/dropping.js';
import { faceView } from './page/face_view.js';
import { firstBatch } from './page/first_batch.js';
import { modelView } from './page/model_view.js';
import { reporter } from './page/reporter.js';
import { trainingView } from './page/training_view.js';

const worker = new Worker(new URL('./network/worker.ts', import.meta.url), { type: 'module' });
const app = new App(Comlink.wrap<Network>(worker), reporter(), (isBusy) => {
  section('batch').ariaBusy = `${isBusy}`;
});

const parts = [batchView, attentionView, faceView, trainingView, modelView, acceptDrops];

async function open(): Promise<void> {
  const starting = app.network.start(document.baseURI);
  for (const part of parts) {
    part(app);
    await nextTask();
  }
  const [model] = await Promise.all([starting, app.addDrawnFaces(firstBatch)]);
  app.take(model);
  await app.read();
  app.showWhatMixes();
  performance.mark('first prediction');
  await app.measure();
}

app.report(open());
