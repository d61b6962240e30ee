import type { FaceSheet } from '../protocol.js';
import type { App, DrawnFace } from './app.js';
import { h, paint, thumbnail } from './dom.js';

/** Under which a dragged face of the sheet says which it is. */
export const drawnType = 'application/x-btn-drawn-face';

/** The sheet of drawn faces: a press puts a face into the batch, another takes it out. */
export function drawnFacesView(app: App) {
  const tray = h('div', { className: 'tray', id: 'drawn-faces', hidden: true });
  const button = h('button', {
    type: 'button',
    textContent: 'Choose drawn faces',
    attributes: { 'aria-expanded': 'false', 'aria-controls': tray.id },
    onclick: () => app.report(toggle()),
  });
  const toggles: [HTMLButtonElement, DrawnFace][] = [];
  const fill = ({ classNames, pictures }: FaceSheet) => {
    classNames.forEach((className, row) => {
      const faces = pictures[row]!.map((picture, column) => {
        const face = { row, column, className };
        const canvas = thumbnail();
        paint(canvas, picture);
        const element = h(
          'button',
          {
            type: 'button',
            draggable: true,
            attributes: { 'aria-label': `${className}, drawing ${column + 1}` },
            onclick: () => {
              const id = app.drawn(face);
              if (id === undefined) app.report(app.addDrawnFaces([face]));
              else app.remove([id]);
            },
          },
          canvas,
        );
        element.addEventListener('dragstart', (event) => {
          event.dataTransfer!.setData(drawnType, JSON.stringify(face));
        });
        toggles.push([element, face]);
        return element;
      });
      tray.append(
        h(
          'div',
          { className: 'row', attributes: { role: 'group', 'aria-label': className } },
          h('span', {}, className),
          ...faces,
        ),
      );
    });
  };
  const update = () => {
    for (const [element, face] of toggles) {
      element.setAttribute('aria-pressed', `${app.drawn(face) !== undefined}`);
    }
  };
  const toggle = async () => {
    const isOpen = button.getAttribute('aria-expanded') === 'true';
    button.setAttribute('aria-expanded', `${!isOpen}`);
    tray.hidden = isOpen;
    if (toggles.length > 0) return;
    fill(await app.network.faceSheet());
    update();
  };
  app.onChange(update);
  return { button, tray };
}
