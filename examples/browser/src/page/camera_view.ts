import type { App } from './app.js';
import { h } from './dom.js';

/** What the camera sees, and a button that puts it into the batch. */
export function cameraView(app: App) {
  const video = h('video', {
    muted: true,
    playsInline: true,
    attributes: { 'aria-label': 'What the camera sees' },
  });
  let taken = 0;
  const take = async () => {
    const source = await createImageBitmap(video);
    await app.addPictures([{ name: `camera ${++taken}`, source }]);
  };
  const snap = h('button', {
    type: 'button',
    className: 'primary',
    textContent: 'Take this face',
    disabled: true,
    onclick: () => app.report(take()),
  });
  const panel = h(
    'div',
    { className: 'camera', id: 'camera', hidden: true },
    video,
    h('div', {}, h('p', {}, 'Fill the square with the face.'), snap),
  );
  const button = h('button', {
    type: 'button',
    textContent: 'Camera',
    attributes: { 'aria-expanded': 'false', 'aria-controls': panel.id },
    onclick: () => app.report(toggle()),
  });
  const show = (isOpen: boolean) => {
    button.setAttribute('aria-expanded', `${isOpen}`);
    panel.hidden = !isOpen;
  };
  const stop = () => {
    for (const track of (video.srcObject as MediaStream | null)?.getTracks() ?? []) track.stop();
    video.srcObject = null;
    snap.disabled = true;
  };
  const toggle = async () => {
    if (!panel.hidden) {
      stop();
      return show(false);
    }
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: 'user', width: { ideal: 640 }, height: { ideal: 480 } },
      });
    } catch (error) {
      throw new Error(`the camera cannot be used: ${(error as Error).message}`);
    }
    show(true);
    await video.play();
    snap.disabled = false;
  };
  return { button, panel };
}
