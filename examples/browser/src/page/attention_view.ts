/** Who listens to whom: the attention of one class as a heat map of faces by faces. */
import type { App } from './app.js';
import { h, paint, percent, section, setText, thumbnail } from './dom.js';

export function attentionView(app: App): void {
  const classes = h('div', { className: 'choices' });
  const chooser = h('fieldset', {}, h('legend', {}, 'Listening for the class'), classes);
  const grid = h('div', { className: 'heat', attributes: { role: 'grid' } });
  const most = h('span');
  const scale = h(
    'p',
    { className: 'scale quiet' },
    h('span', {}, '0 %'),
    h('i'),
    most,
    h('span', {}, 'A row is whom a face listens to; colour by square root.'),
  );
  const none = h('p', { hidden: true }, 'This model has no batch transformer: each face is alone.');
  section('attention').append(
    h('h2', { id: 'attention-heading', textContent: 'Who listens to whom' }),
    chooser,
    grid,
    scale,
    none,
  );

  let cells: HTMLElement[][] = [];
  let heads: { id: number; canvases: HTMLCanvasElement[] }[] = [];
  let shownIds = '';
  let shownNames = '';
  /** The one cell that Tab reaches; arrows go from there. */
  let current: [row: number, column: number] = [0, 0];

  const showClasses = (names: readonly string[]) => {
    shownNames = names.join();
    classes.replaceChildren(
      ...names.map((name, label) => {
        const input = h('input', {
          type: 'radio',
          name: 'class',
          id: `class-${label}`,
          onchange: () => app.showClass(label),
        });
        return h('label', { htmlFor: input.id }, input, h('span', {}, name));
      }),
    );
  };

  const build = (ids: readonly number[]) => {
    shownIds = ids.join();
    current = [0, 0];
    heads = ids.map((id) => ({ id, canvases: [thumbnail(), thumbnail()] }));
    const head = (role: string, i: number, axis: number) =>
      h(
        'div',
        { className: role, attributes: { role, 'aria-label': `face ${ids[i]}` } },
        heads[i]!.canvases[axis],
        h('span', {}, `${ids[i]}`),
      );
    cells = ids.map(() => ids.map(() => h('div', { attributes: { role: 'gridcell' } })));
    const rows = ids.map((id, i) => {
      const row = h('div', { attributes: { role: 'row' } }, head('rowheader', i, 1), ...cells[i]!);
      row.addEventListener('click', () => app.select(id));
      // The row has no box of its own.
      for (const cell of row.children) {
        cell.addEventListener('pointerenter', () => app.point(id));
        cell.addEventListener('pointerleave', () => app.point(undefined));
      }
      cells[i]!.forEach((cell, j) => {
        cell.addEventListener('focus', () => {
          moveTo(i, j);
          app.point(id);
        });
        cell.addEventListener('blur', () => app.point(undefined));
      });
      return row;
    });
    const corner = h('div', { className: 'corner', attributes: { role: 'columnheader' } });
    corner.append(h('span', { className: 'visually-hidden', textContent: 'listener' }));
    const top = ids.map((_, j) => head('columnheader', j, 0));
    grid.replaceChildren(h('div', { attributes: { role: 'row' } }, corner, ...top), ...rows);
    grid.style.setProperty('--faces', `${ids.length}`);
    if (ids.length > 0) moveTo(...current);
  };

  const moveTo = (row: number, column: number) => {
    const [i, j] = current;
    if (cells[i]?.[j]) cells[i][j].tabIndex = -1;
    cells[row]![column]!.tabIndex = 0;
    current = [row, column];
  };

  const steps: Record<string, (row: number, column: number, last: number) => [number, number]> = {
    ArrowUp: (row, column) => [Math.max(0, row - 1), column],
    ArrowDown: (row, column, last) => [Math.min(last, row + 1), column],
    ArrowLeft: (row, column) => [row, Math.max(0, column - 1)],
    ArrowRight: (row, column, last) => [row, Math.min(last, column + 1)],
    Home: (row) => [row, 0],
    End: (row, _, last) => [row, last],
  };
  grid.addEventListener('keydown', (event) => {
    const step = steps[event.key];
    if (step) {
      const [row, column] = step(...current, cells.length - 1);
      moveTo(row, column);
      cells[row]![column]!.focus();
    } else if (event.key === 'Enter' || event.key === ' ') app.select(heads[current[0]]!.id);
    else return;
    event.preventDefault();
  });

  app.onChange(() => {
    const { model, reading, shownClass } = app;
    const names = model?.classNames ?? [];
    if (names.join() !== shownNames) showClasses(names);
    const radio = classes.querySelectorAll('input')[shownClass];
    if (radio) radio.checked = true;
    const weights = reading?.attention?.[shownClass];
    none.hidden = model?.hasBatchTransformer !== false;
    scale.hidden = !weights;
    const ids = weights ? reading!.ids : [];
    if (ids.join() !== shownIds) build(ids);
    if (!weights) return;
    grid.setAttribute('aria-label', `Who listens to whom for ${names[shownClass]}`);
    for (const { id, canvases } of heads) {
      for (const canvas of canvases) paint(canvas, app.faceOf(id)?.picture);
    }
    const greatest = Math.max(...weights.flat());
    setText(most, percent(greatest));
    const listening = ids.indexOf(app.listener ?? -1);
    weights.forEach((row, i) => {
      row.forEach((weight, j) => {
        showCell(cells[i]![j]!, weight, greatest, i === listening);
        const label = `face ${ids[i]} listens to face ${ids[j]}: ${percent(weight)}`;
        if (cells[i]![j]!.ariaLabel !== label) cells[i]![j]!.ariaLabel = label;
      });
    });
  });
}

function showCell(cell: HTMLElement, weight: number, greatest: number, isListening: boolean): void {
  const part = Math.sqrt(weight / greatest).toFixed(3);
  if (cell.dataset.part !== part) {
    cell.dataset.part = part;
    cell.style.setProperty('--part', part);
    cell.classList.toggle('strong', Number(part) > 0.6);
  }
  cell.classList.toggle('listening', isListening);
  setText(cell, weight < 0.005 ? '' : `${Math.round(100 * weight)}`);
}
