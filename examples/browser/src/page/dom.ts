type Child = Node | string | undefined;

type Properties<Tag extends keyof HTMLElementTagNameMap> = Omit<
  Partial<HTMLElementTagNameMap[Tag]>,
  'style' | 'attributes'
> & {
  /** Such as `aria-label`, and those that are no property. */
  attributes?: Record<string, string>;
};

/** An element with properties and children. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties?: Properties<Tag>,
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  const { attributes = {}, ...own } = properties ?? ({} as Properties<Tag>);
  Object.assign(element, own);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

export function section(id: string): HTMLElement {
  return document.getElementById(id)!;
}

const painted = new WeakMap<HTMLCanvasElement, ImageData>();

/** Draws an image on a canvas that does not have it yet. */
export function paint(canvas: HTMLCanvasElement, image: ImageData | undefined): void {
  if (!image || painted.get(canvas) === image) return;
  painted.set(canvas, image);
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext('2d')!.putImageData(image, 0, 0);
}

/** A picture whose meaning the text beside it says. */
export function thumbnail(): HTMLCanvasElement {
  return h('canvas', { width: 112, height: 112, attributes: { 'aria-hidden': 'true' } });
}

export function percent(part: number): string {
  return `${Math.round(100 * part)} %`;
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Lets the browser do what waits, so that no task is long. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve);
  });
}
