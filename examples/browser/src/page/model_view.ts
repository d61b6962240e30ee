/** Which model on which backend, and how to bring another. */
import { type Backend, backends, type NamedFile } from '../protocol.js';
import type { App } from './app.js';
import { h, section, setText } from './dom.js';

export function modelView(app: App): void {
  const about = h('p', { id: 'model-about' });
  const input = (
    id: string,
    properties: Pick<Partial<HTMLInputElement>, 'accept' | 'multiple' | 'webkitdirectory'>,
  ) => {
    const element: HTMLInputElement = h('input', {
      type: 'file',
      id,
      className: 'visually-hidden',
      onchange: () => {
        const files = namedFiles([...element.files!]);
        element.value = '';
        app.report(app.loadModel(files));
      },
      ...properties,
    });
    return element;
  };
  const file = input('model-file', {
    accept: '.safetensors,.pth,.pt,.json,.bin',
    multiple: true,
  });
  const folder = input('model-folder', { webkitdirectory: true });
  const bundled = h('button', {
    type: 'button',
    textContent: 'Back to the model of the page',
    onclick: () => app.report(app.useBundledModel()),
  });
  const fileLabel = h(
    'label',
    { className: 'button', htmlFor: file.id },
    'Open a .safetensors file',
  );
  const folderLabel = h('label', { className: 'button', htmlFor: folder.id }, 'Open a folder');
  const radios = backends.map((backend) => backendView(app, backend));
  const status = h('p', { className: 'quiet', attributes: { role: 'status' } });
  section('model').append(
    h('h2', { id: 'model-heading', textContent: 'The model' }),
    about,
    h(
      'p',
      { className: 'quiet' },
      'Drop the folder of a run of the trainer anywhere on the page, or a .safetensors or .pth file.',
    ),
    h('div', { className: 'bar' }, fileLabel, file, folderLabel, folder, bundled),
    h(
      'fieldset',
      { className: 'backends' },
      h('legend', {}, 'Backend'),
      ...radios.map(({ element }) => element),
    ),
    status,
  );
  let available: readonly Backend[] = ['wasm'];
  void app.network.backends().then((found) => {
    available = found;
    app.emit();
  });

  app.onChange(() => {
    const { model, isTraining, busy } = app;
    const isBusy = isTraining || busy !== undefined || !model;
    for (const element of [file, folder, bundled]) element.disabled = isBusy;
    for (const element of [fileLabel, folderLabel]) element.classList.toggle('disabled', isBusy);
    for (const { backend, update } of radios) update(isBusy, available.includes(backend));
    const doing = isTraining ? 'training' : busy;
    setText(status, doing ? `${doing}…` : '');
    if (!model) return setText(about, 'Loading the model of the page…');
    const size = model.parameters.toLocaleString('en');
    const parts = model.hasBatchTransformer ? '' : ', without batch transformer';
    setText(
      about,
      `${model.name}: ${model.classNames.length} classes, ${size} weights, ${model.inputSize} × ${model.inputSize} pixels${parts}.`,
    );
  });
}

function backendView(app: App, backend: Backend) {
  const input = h('input', {
    type: 'radio',
    name: 'backend',
    id: `backend-${backend}`,
    onchange: () => app.report(app.switchBackend(backend)),
  });
  const time = h('span', { className: 'quiet' });
  const element = h('label', { htmlFor: input.id }, input, h('span', {}, backend), time);
  return {
    backend,
    element,
    update(isBusy: boolean, isAvailable: boolean) {
      input.checked = app.backend === backend;
      input.disabled = !isAvailable || (isBusy && !input.checked);
      const milliseconds = app.milliseconds[backend];
      const measured = milliseconds ? `${milliseconds.toFixed(1)} ms an image` : '';
      setText(time, isAvailable ? measured : 'not in this browser');
    },
  };
}

export function namedFiles(files: readonly File[]): NamedFile[] {
  return files.map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}
