/** The batch as a row of cards, what may join it, and what its last change did. */
import { type Output, outputs } from '../protocol.js';
import { type App, type Face, mostFaces } from './app.js';
import { cameraView } from './camera_view.js';
import { compare, type Move, type OutputChange } from './changes.js';
import { h, paint, percent, section, setText, thumbnail } from './dom.js';
import { drawnFacesView } from './drawn_faces_view.js';

/** Under which a dragged card says which face it is of. */
export const cardType = 'application/x-btn-face';

export function batchView(app: App): void {
  const files = h('input', {
    type: 'file',
    multiple: true,
    accept: 'image/*',
    className: 'visually-hidden',
    id: 'picture-files',
    onchange: () => {
      const chosen = [...files.files!].map((file) => ({ name: file.name, source: file }));
      files.value = '';
      app.report(app.addPictures(chosen));
    },
  });
  const drawn = drawnFacesView(app);
  const camera = cameraView(app);
  const clear = h('button', {
    type: 'button',
    textContent: 'Remove all',
    onclick: () => app.remove(app.faces.map(({ id }) => id)),
  });
  const count = h('span', { className: 'quiet' });
  const cards = h('ol', { className: 'cards', id: 'cards' });
  const empty = h('p', { className: 'empty', hidden: true }, 'Drop images here, or choose faces.');
  const changes = changesView(app);
  section('batch').append(
    h(
      'div',
      { className: 'bar' },
      h('h2', { id: 'batch-heading', textContent: 'The batch' }),
      count,
      h('label', { className: 'button', htmlFor: files.id }, 'Add images'),
      files,
      drawn.button,
      camera.button,
      clear,
      h('span', { className: 'quiet hint', textContent: 'or drop images anywhere' }),
    ),
    drawn.tray,
    camera.panel,
    cards,
    empty,
    changes.element,
  );

  const views = new Map<number, ReturnType<typeof cardView>>();
  app.onChange(() => {
    for (const [id, { element }] of views) {
      if (app.faceOf(id)) continue;
      element.remove();
      views.delete(id);
    }
    app.faces.forEach((face) => {
      const view = views.get(face.id) ?? cardView(app, face.id);
      if (!views.has(face.id)) {
        views.set(face.id, view);
        cards.append(view.element);
      }
      view.update(face);
    });
    empty.hidden = app.faces.length > 0;
    clear.disabled = app.faces.length === 0;
    setText(count, `${app.faces.length} of ${mostFaces} faces`);
    changes.update();
  });
}

function cardView(app: App, id: number) {
  const canvas = thumbnail();
  const share = h('span', { className: 'share' });
  const name = h('span', { className: 'name' });
  const lines = outputs.map((output) => {
    const label = h('span');
    const value = h('b');
    const line = h('span', { className: `line ${output}` }, h('i', {}, output), label, value);
    return { output, line, label, value };
  });
  const select = h(
    'button',
    { type: 'button', className: 'select', onclick: () => app.select(id) },
    h('span', { className: 'picture' }, canvas, share),
    name,
    ...lines.map(({ line }) => line),
  );
  const remove = h('button', {
    type: 'button',
    className: 'remove',
    textContent: '×',
    title: 'Remove from the batch',
    attributes: { 'aria-label': `Remove face ${id}` },
    onclick: () => {
      const next = element.nextElementSibling ?? element.previousElementSibling;
      app.remove([id]);
      next?.querySelector<HTMLElement>('.select')?.focus();
    },
  });
  const element = h('li', { className: 'card', draggable: true }, select, remove);
  element.dataset.face = `${id}`;
  element.addEventListener('pointerenter', () => app.point(id));
  element.addEventListener('pointerleave', () => app.point(undefined));
  select.addEventListener('focus', () => {
    if (select.matches(':focus-visible')) app.point(id);
  });
  select.addEventListener('blur', () => app.point(undefined));
  select.addEventListener('keydown', ({ key }) => {
    if (key === 'Delete' || key === 'Backspace') remove.click();
  });
  element.addEventListener('dragstart', (event) => {
    event.dataTransfer!.setData(cardType, `${id}`);
    event.dataTransfer!.effectAllowed = 'move';
  });

  return {
    element,
    update(face: Face) {
      paint(canvas, face.picture);
      const truth = face.truth === undefined ? face.name : `drawn as ${face.truth}`;
      setText(name, `${id} · ${truth}`);
      name.title = face.name;
      select.setAttribute('aria-pressed', `${app.selected === id}`);
      element.classList.toggle('listener', app.listener === id);
      const row = app.reading?.ids.indexOf(id) ?? -1;
      for (const { output, line, label, value } of lines) {
        const of = app.reading?.probabilities[output]?.[row];
        line.hidden = app.model?.hasBatchTransformer === false && output !== 'vit';
        const best = of ? of.indexOf(Math.max(...of)) : 0;
        const className = of ? app.model!.classNames[best]! : '';
        setText(label, of ? className : '…');
        setText(value, of ? percent(of[best]!) : '');
        line.style.setProperty('--part', of ? of[best]!.toFixed(3) : '0');
        line.classList.toggle(
          'wrong',
          face.truth !== undefined && !!of && className !== face.truth,
        );
      }
      showShare(app, id, element, share);
    },
  };
}

/** How much the face that is pointed at listens to this one. */
function showShare(app: App, id: number, card: HTMLElement, share: HTMLElement): void {
  const { reading, listener } = app;
  const [from, to] = [reading?.ids.indexOf(listener ?? -1) ?? -1, reading?.ids.indexOf(id) ?? -1];
  const part = reading?.attention?.[app.shownClass]?.[from]?.[to];
  share.hidden = part === undefined || (part < 0.005 && listener !== id);
  card.style.setProperty('--heard', Math.sqrt(part ?? 0).toFixed(3));
  if (part === undefined) return;
  setText(share, listener === id ? `itself ${percent(part)}` : percent(part));
}

function changesView(app: App) {
  const heading = h('h3');
  const list = h('ul');
  const element = h(
    'div',
    { className: 'changes', attributes: { role: 'status', 'aria-live': 'polite' } },
    heading,
    list,
  );
  const named = ({ id, label, from, to }: Move) =>
    `face ${id}: ${app.model!.classNames[label]} ${percent(from)} → ${percent(to)}`;
  const textOf = ({ itself, moved, others, most }: OutputChange) => {
    const own = itself ? `${named(itself)}; ` : '';
    if (others === 0) return own.slice(0, -2);
    const many = moved === 0 ? 'no' : `${moved} of ${others}`;
    const of = itself ? `${many} other faces moved` : `${many} faces moved`;
    return `${own}${of}${most ? `, most ${named(most)}` : ''}`;
  };
  return {
    element,
    update() {
      const { change, reading } = app;
      const isNew = change && reading && change.before !== reading;
      if (!isNew) {
        setText(heading, 'What a change does');
        const text = 'Add or remove a face, or make one worse: here stands who changed.';
        if (list.textContent !== text) list.replaceChildren(h('li', {}, text));
        return;
      }
      setText(heading, change.text);
      const lines = compare(change, reading).map((each) => [each.output, textOf(each)] as const);
      if (list.textContent === lines.flat().join('')) return;
      list.replaceChildren(
        ...lines.map(([output, text]: readonly [Output, string]) =>
          h('li', {}, h('b', { className: `output ${output}` }, output), h('span', {}, text)),
        ),
      );
    },
  };
}
