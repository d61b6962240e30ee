import { h, section } from './dom.js';

/** @returns What says so on the page when something that was asked for fails. */
export function reporter(): (work: Promise<unknown>) => void {
  const alert = section('alert');
  const text = h('p');
  const close = h('button', {
    type: 'button',
    textContent: '×',
    attributes: { 'aria-label': 'Close' },
    onclick: () => {
      alert.hidden = true;
    },
  });
  alert.append(text, close);
  return (work) => {
    work.then(
      () => {
        alert.hidden = true;
      },
      (error: unknown) => {
        text.textContent = error instanceof Error ? error.message : String(error);
        alert.hidden = false;
      },
    );
  };
}
