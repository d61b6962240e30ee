/** Trains the tiny network in the worker and draws how it goes. */
import * as Comlink from 'comlink';
import { outputs, type TrainingProgress } from '../protocol.js';
import type { App } from './app.js';
import { h, percent, section, setText } from './dom.js';

/** The chart is drawn at most so often, in milliseconds: a step may take less. */
const betweenCharts = 250;

export function trainingView(app: App): void {
  const epochs = h('input', {
    type: 'number',
    id: 'epochs',
    min: '1',
    max: '50',
    value: '6',
    required: true,
  });
  const fromModel = h('input', { type: 'checkbox', id: 'from-model' });
  const start = h('button', { className: 'primary', textContent: 'Train' });
  const stop = h('button', {
    type: 'button',
    textContent: 'Stop',
    disabled: true,
    onclick: () => app.report(app.network.stopTraining()),
  });
  const save = h('button', {
    type: 'button',
    textContent: 'Save the model',
    onclick: () => app.report(saveModel(app)),
  });
  const form = h(
    'form',
    {
      className: 'bar',
      onsubmit: (event) => {
        event.preventDefault();
        app.report(train());
      },
    },
    h('label', { htmlFor: epochs.id }, 'Epochs ', epochs),
    h('label', { htmlFor: fromModel.id }, fromModel, ' go on from the model in use'),
    start,
    stop,
    save,
  );
  const status = h('p', { attributes: { role: 'status' } });
  const bar = h('progress', { max: 1, value: 0, hidden: true, ariaLabel: 'Training' });
  const charts = h('div', { className: 'charts' });
  const legend = h(
    'p',
    { className: 'quiet', hidden: true },
    'Cross-entropy of ',
    ...outputs.flatMap((output) => [h('b', { className: `output ${output}` }, output), ' ']),
    'on what it learns from; accuracy on what it does not see.',
  );
  section('training').append(
    h('h2', { id: 'training-heading', textContent: 'Train one here' }),
    h(
      'p',
      { className: 'quiet' },
      'On 336 drawn faces, from random weights, in a worker: the page goes on. After each epoch the batch above is read by what has been learned so far.',
    ),
    form,
    bar,
    status,
    legend,
    charts,
  );

  const train = async () => {
    if (!form.reportValidity()) return;
    const { drawCharts } = await import('./training_charts.js');
    const history: TrainingProgress[] = [];
    let drawn = 0;
    const show = () => {
      drawn = performance.now();
      legend.hidden = false;
      charts.replaceChildren(...drawCharts(history, charts.clientWidth));
    };
    const began = performance.now();
    const onStep = (progress: TrainingProgress) => {
      history.push(progress);
      bar.value = progress.step / progress.steps;
      section('training').dataset.steps = `${progress.step}`;
      section('training').dataset.tensors = `${progress.tensors}`;
      if (progress.accuracy !== undefined) setText(status, sentenceOf(progress));
      if (performance.now() - drawn >= betweenCharts) requestAnimationFrame(show);
    };
    app.isTraining = true;
    bar.hidden = false;
    setText(status, 'The first epoch is under way.');
    app.emit();
    try {
      const settings = { epochs: epochs.valueAsNumber, fromModel: fromModel.checked, seed: 1 };
      await app.network.train(
        settings,
        Comlink.proxy(onStep),
        Comlink.proxy((model) => app.take(model)),
      );
      if (history.length === 0) return;
      show();
      const last = history.at(-1)!;
      const seconds = (performance.now() - began) / 1000;
      const done = last.step === last.steps ? 'Done' : `Stopped after ${last.step} steps`;
      const accuracy = history.filter((each) => each.accuracy !== undefined).at(-1)?.accuracy;
      const known = accuracy === undefined ? '' : ` ${accuracyText(accuracy)}`;
      setText(status, `${done} in ${seconds.toFixed(0)} s.${known}`);
    } finally {
      app.isTraining = false;
      bar.hidden = true;
      app.emit();
    }
  };

  app.onChange(() => {
    start.disabled = app.isTraining || app.busy !== undefined || !app.model;
    stop.disabled = !app.isTraining;
    save.disabled = !app.model;
  });
}

function sentenceOf({ step, steps, stepsPerEpoch, accuracy }: TrainingProgress): string {
  return `Epoch ${step / stepsPerEpoch} of ${steps / stepsPerEpoch}. ${accuracyText(accuracy!)}`;
}

function accuracyText(accuracy: number): string {
  return `It names ${percent(accuracy)} of 84 faces of other people rightly (vit).`;
}

async function saveModel({ network }: App): Promise<void> {
  const url = URL.createObjectURL(await network.saveModel());
  h('a', { href: url, download: 'btn.safetensors' }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
