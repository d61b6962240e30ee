/** One face: what the network sees of it, sliders that make it worse, and what each output says. */
import { type Damage, damages, outputs } from '../protocol.js';
import type { App } from './app.js';
import { h, paint, percent, section, setText, thumbnail } from './dom.js';

const damageNames: Record<keyof Damage, string> = {
  occlusion: 'Occlude',
  blur: 'Blur',
  dark: 'Darken',
};

/** Faces that are listened to, most first. */
const sharesShown = 5;

export function faceView(app: App): void {
  const heading = h('h2', { id: 'face-heading' });
  const picture = h('canvas', { width: 112, height: 112, attributes: { role: 'img' } });
  const sliders = damages.map((kind) => sliderView(app, kind));
  const table = probabilityTable(app);
  const shares = sharesView(app);
  const body = h(
    'div',
    {},
    h(
      'div',
      { className: 'portrait' },
      picture,
      h('div', { className: 'sliders' }, ...sliders.map(({ element }) => element)),
    ),
    table.element,
    shares.element,
  );
  section('face').append(heading, body);

  app.onChange(() => {
    const face = app.faceOf(app.selected);
    body.hidden = !face;
    setText(heading, face ? `Face ${face.id}` : 'No face is chosen');
    if (!face) return;
    paint(picture, face.picture);
    const truth = face.truth === undefined ? face.name : `drawn as ${face.truth}`;
    setText(heading, `Face ${face.id}, ${truth}`);
    picture.setAttribute('aria-label', `What the network sees of face ${face.id}, ${truth}`);
    for (const { update } of sliders) update(face.damage);
    table.update(face.id);
    shares.update();
  });
}

function sliderView(app: App, kind: keyof Damage) {
  const value = h('output');
  const input = h('input', {
    type: 'range',
    min: '0',
    max: '5',
    step: '1',
    id: `damage-${kind}`,
    oninput: () => {
      if (app.selected !== undefined) app.damage(app.selected, kind, Number(input.value));
    },
  });
  value.htmlFor.add(input.id);
  const element = h('label', { htmlFor: input.id }, h('span', {}, damageNames[kind]), input, value);
  return {
    element,
    update(damage: Damage) {
      const text = damage[kind] === 0 ? 'none' : `${damage[kind]} of 5`;
      if (input.value !== `${damage[kind]}`) input.value = `${damage[kind]}`;
      input.setAttribute('aria-valuetext', text);
      setText(value, text);
    },
  };
}

/** Probabilities of each class by each output, with marks where they were before the face was made worse. */
function probabilityTable(app: App) {
  const head = h('tr');
  const rows = h('tbody');
  const caption = h('caption', {}, 'Probability of each class; a mark is where it was, undamaged');
  const element = h('table', { className: 'probabilities' }, caption, h('thead', {}, head), rows);
  let shown = '';
  let cells: HTMLElement[][] = [];
  const build = (classNames: readonly string[], of: readonly string[]) => {
    head.replaceChildren(
      h('td'),
      ...of.map((output) =>
        h('th', { scope: 'col' }, h('b', { className: `output ${output}` }, output)),
      ),
    );
    cells = classNames.map(() =>
      of.map((output) => h('td', { className: output }, h('span', {}, h('i')), h('b'))),
    );
    rows.replaceChildren(
      ...classNames.map((name, c) =>
        h('tr', {}, h('th', { scope: 'row', textContent: name }), ...cells[c]!),
      ),
    );
  };
  return {
    element,
    update(id: number) {
      const { model, reading, undamagedReading } = app;
      const row = reading?.ids.indexOf(id) ?? -1;
      if (!model || !reading || row < 0) return;
      const present = outputs.filter((output) => reading.probabilities[output]);
      const key = [...model.classNames, ...present].join();
      if (key !== shown) build(model.classNames, present);
      shown = key;
      present.forEach((output, o) => {
        const now = reading.probabilities[output]![row]!;
        const before = undamagedReading?.probabilities[output]?.[row];
        const best = now.indexOf(Math.max(...now));
        now.forEach((value, c) => {
          const cell = cells[c]![o]!;
          cell.style.setProperty('--part', value.toFixed(3));
          cell.style.setProperty('--before', (before?.[c] ?? 0).toFixed(3));
          cell.classList.toggle('marked', before !== undefined);
          cell.classList.toggle('best', c === best);
          setText(cell.lastElementChild!, percent(value));
        });
      });
    },
  };
}

/** Whom the face that is pointed at, or else the chosen one, listens to. */
function sharesView(app: App) {
  const heading = h('h3');
  const list = h('ul', { className: 'shares' });
  const element = h('div', {}, heading, list);
  return {
    element,
    update() {
      const { reading, listener, model, shownClass } = app;
      const row = reading?.ids.indexOf(listener ?? -1) ?? -1;
      const weights = reading?.attention?.[shownClass]?.[row];
      element.hidden = !weights;
      if (!weights || !reading || !model) return;
      setText(heading, `For ${model.classNames[shownClass]}, face ${listener} listens to`);
      const order = weights
        .map((weight, j) => ({ weight, id: reading.ids[j]! }))
        .sort((a, b) => b.weight - a.weight)
        .slice(0, sharesShown)
        .filter(({ weight }) => weight >= 0.0005);
      const items = order.map(({ weight, id }) => {
        const canvas = thumbnail();
        const face = app.faceOf(id);
        paint(canvas, face?.picture);
        const name = id === listener ? 'itself' : `face ${id}, ${face?.truth ?? face?.name ?? ''}`;
        const bar = h('i');
        bar.style.setProperty('--part', weight.toFixed(3));
        return h('li', {}, canvas, h('span', {}, name, bar), h('b', {}, percent(weight)));
      });
      list.replaceChildren(...items);
    },
  };
}
