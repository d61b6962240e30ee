/** The page of examples/browser, built and served as static files, driven in real Chromium. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright';
import sharp from 'sharp';
import * as vite from 'vite';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { pictureAt, takePicture } from '../../examples/illustrated_faces/picture.js';
import { convert, predict, selectBackend } from '../../src/node/index.js';
import { temporaryFolder, writeFile } from '../node/temporary_folder.js';
import {
  findChromium,
  howToGetChromium,
  isolationHeaders,
  launchOptions,
} from '../support/browser/chromium.js';
import { serveFolder } from './static_server.js';

const path = findChromium();
const app = fileURLToPath(new URL('../../examples/browser', import.meta.url));
const folder = temporaryFolder();
/** Where screenshots are left. */
const images = process.env.BTN_LAYERS_SCREENSHOTS ?? join(folder, 'images');
const bundled = join(app, 'public/model/tiny_btn.safetensors');

/**
 * Milliseconds of the processor that a task on the UI thread may take. What it waits while other programs have the
 * processor is their doing, and is printed.
 */
const longestTask = 100;

let browser: Browser;
type Server = Awaited<ReturnType<typeof serveFolder>>;

let server: Server;
/** Whose pages may have threads. */
let isolated: Server;

describe.skipIf(!path)(`the page${path ? '' : ` (${howToGetChromium})`}`, () => {
  beforeAll(async () => {
    const outDir = join(folder, 'site');
    await vite.build({
      configFile: join(app, 'vite.config.ts'),
      logLevel: 'error',
      build: { outDir, emptyOutDir: true },
    });
    server = await serveFolder(outDir);
    isolated = await serveFolder(outDir, isolationHeaders);
    const { executablePath, args } = launchOptions('webgpu', path);
    const camera = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
    browser = await chromium.launch({ executablePath, args: [...args, ...camera] });
  });
  afterAll(async () => {
    await browser.close();
    server.close();
    isolated.close();
  });

  it('predicts soon after it is opened, and says it of every face', async () => {
    const { page } = await open();
    const milliseconds = await page.evaluate(
      () => performance.getEntriesByName('first prediction')[0]!.startTime,
    );
    console.log(`first prediction after ${Math.round(milliseconds)} ms`);
    // Five seconds on two cores that do nothing else.
    expect(milliseconds).toBeLessThan(15_000);
    const cards = page.locator('.card');
    expect(await cards.count()).toBe(12);
    for (const card of await cards.all()) {
      const text = await card.textContent();
      for (const output of ['vit', 'cba', 'bt']) {
        expect(text).toMatch(new RegExp(`${output}\\s*[a-z]+\\s*\\d+ %`));
      }
    }
    await page.locator('#backend-wasm + span + span').filter({ hasText: 'ms an image' }).waitFor();
    console.log(await page.locator('.backends').textContent());
  });

  it('names a dropped image file as the trainer does', async () => {
    const { page } = await open();
    const drawn = await drawFaces(3);
    await clear(page);
    await dropFiles(page, drawn);
    await expect.poll(() => page.locator('.card').count()).toBe(3);
    await settled(page);
    await selectBackend({ backend: 'wasm' });
    const { predictions } = await predict({ checkpoint: bundled, images: drawn, workers: 1 });
    for (const [i, { label, probabilities }] of predictions.entries()) {
      const line = page.locator('.card').nth(i).locator('.line.vit');
      expect(await line.locator('span').textContent()).toBe(label);
      // The browser decodes JPEG a little differently.
      expect(await partOf(line)).toBeCloseTo(probabilities[label]!, 1);
    }
  });

  it('takes drawn faces by click and by drag, and images from a file dialog', async () => {
    const { page } = await open();
    await clear(page);
    await page.getByRole('button', { name: 'Choose drawn faces' }).click();
    const fear = page.getByRole('button', { name: 'fear, drawing 2', exact: true });
    await fear.click();
    await expect.poll(() => page.locator('.card').count()).toBe(1);
    await settled(page);
    expect(await fear.getAttribute('aria-pressed')).toBe('true');
    const anger = page.getByRole('button', { name: 'anger, drawing 1', exact: true });
    await anger.dragTo(page.locator('#cards'));
    await expect.poll(() => page.locator('.card').count()).toBe(2);
    await page.setInputFiles('#picture-files', await drawFaces(1));
    await expect.poll(() => page.locator('.card').count()).toBe(3);
    await page.locator('.card').first().dragTo(page.locator('h1'));
    await expect.poll(() => page.locator('.card').count()).toBe(2);
    await settled(page);
    expect(await fear.getAttribute('aria-pressed')).toBe('false');
  });

  it('takes a face from the camera', async () => {
    const { page } = await open();
    await page.getByRole('button', { name: 'Camera' }).click();
    await page.getByRole('button', { name: 'Take this face' }).click();
    const card = page.locator('.card').last();
    await expect.poll(() => card.textContent()).toMatch(/camera 1[\s\S]*vit\s*[a-z]+\s*\d+ %/);
  });

  it('shows whom a face listens to, by pointer and by keyboard', async () => {
    const { page } = await open();
    const grid = page.getByRole('grid');
    await page.locator('.choices input').first().focus();
    await page.keyboard.press('ArrowRight');
    await settled(page);
    expect(await grid.getAttribute('aria-label')).toMatch(/for fear$/);
    await grid.locator('[tabindex="0"]').focus();
    for (const key of ['Home', 'ArrowDown', 'ArrowRight', 'ArrowRight']) {
      await page.keyboard.press(key);
    }
    const cell = grid.locator(':focus');
    expect(await cell.getAttribute('aria-label')).toMatch(/^face 2 listens to face 3: \d+ %$/);
    const heading = page.locator('#face h3');
    await settled(page);
    expect(await heading.textContent()).toBe('For fear, face 2 listens to');
    await page.keyboard.press('Enter');
    await settled(page);
    expect(await page.locator('#face-heading').textContent()).toMatch(/^Face 2,/);
    await page.locator('.card').nth(4).hover();
    await settled(page);
    expect(await heading.textContent()).toBe('For fear, face 5 listens to');
    const shares = await page
      .locator('.heat [role="row"]')
      .nth(5)
      .locator('[role="gridcell"]')
      .all();
    const parts = await Promise.all(
      shares.map(async (share) =>
        Number((await share.getAttribute('aria-label'))!.match(/(\d+) %/)![1]),
      ),
    );
    expect(parts).toHaveLength(12);
    expect(parts.reduce((sum, part) => sum + part)).toBeGreaterThan(90);
  });

  it('shows what a damage does to the face, and to those that listen to it', async () => {
    const { page } = await open();
    const line = (i: number, output: string) =>
      page.locator('.card').nth(i).locator(`.line.${output}`);
    await page.locator('.card .select').first().click();
    const vit = await all(page, 'vit');
    for (const damage of ['occlusion', 'blur', 'dark']) {
      const before = await partOf(line(0, 'vit'));
      await page.locator(`#damage-${damage}`).press('End');
      await expect.poll(() => partOf(line(0, 'vit'))).not.toBe(before);
    }
    expect(await page.locator('.changes h3').textContent()).toBe(
      'Face 1 occluded 5 of 5, blurred 5 of 5, darkened 5 of 5',
    );
    await settled(page);
    const now = await all(page, 'vit');
    expect(now[0]).not.toBe(vit[0]);
    expect(now.slice(1)).toEqual(vit.slice(1));
    expect(await page.locator('.probabilities td.marked').count()).toBe(21);
    for (const damage of ['occlusion', 'blur', 'dark']) {
      await page.locator(`#damage-${damage}`).press('Home');
    }
    await settled(page);
    expect(await all(page, 'vit')).toEqual(vit);
  });

  it('a face that leaves moves cba of others, and vit of none', async () => {
    const { page } = await open();
    const [vit, cba] = [await all(page, 'vit'), await all(page, 'cba')];
    for (let i = 0; i < 6; i++) await page.locator('.card .remove').first().click();
    await settled(page);
    expect(await all(page, 'vit')).toEqual(vit.slice(6));
    expect(await all(page, 'cba')).not.toEqual(cba.slice(6));
    expect(await page.locator('.changes').textContent()).toMatch(
      /Face \d+ left[\s\S]*vit\s*no faces moved/,
    );
  });

  it('one face alone listens to itself', async () => {
    const { page } = await open();
    for (let i = 0; i < 11; i++) await page.locator('.card .remove').last().click();
    await settled(page);
    expect(await page.getByRole('gridcell').getAttribute('aria-label')).toBe(
      'face 1 listens to face 1: 100 %',
    );
    expect(await all(page, 'cba')).toEqual(
      (await all(page, 'vit')).map((line) => line.replace('vit', 'cba')),
    );
  });

  it('reads a model of the trainer from a file and from a run’s folder', async () => {
    await selectBackend({ backend: 'wasm' });
    const run = join(folder, 'run');
    await convert({ from: bundled, to: join(run, 'best') });
    writeFile(join(run, 'best', 'optimizer.safetensors'), 'not a model');
    const { page } = await open();
    const lines = await all(page, 'bt');
    const about = page.locator('#model-about');
    await page.setInputFiles('#model-folder', run);
    await expect.poll(() => about.textContent()).toContain('run/best: 7 classes');
    await settled(page);
    expect(await all(page, 'bt')).toEqual(lines);
    await page.getByRole('button', { name: 'Back to the model of the page' }).click();
    await expect.poll(() => about.textContent()).toContain('tiny_btn.safetensors');
    await idle(page);
    await dropFiles(page, [run]);
    await expect.poll(() => about.textContent()).toContain('run/best: 7 classes');
    await idle(page);
    await page.setInputFiles('#model-file', bundled);
    await expect.poll(() => about.textContent()).toContain('tiny_btn.safetensors');
  });

  it('says what is wrong with a file, and goes on', async () => {
    const { page } = await open();
    const lines = await all(page, 'bt');
    const alert = page.getByRole('alert');
    const bad: [string, string, string | Uint8Array, RegExp][] = [
      [
        '#model-file',
        'cut.safetensors',
        new Uint8Array(5),
        /^cut\.safetensors cannot be used: safetensors: /,
      ],
      ['#model-file', 'words.pth', 'words', /^words\.pth cannot be used: /],
      [
        '#picture-files',
        'words.png',
        'words',
        /^words\.png is not an image that this browser can read/,
      ],
    ];
    for (const [input, name, content, message] of bad) {
      await idle(page);
      await page.setInputFiles(input, writeFile(join(folder, name), content));
      await expect.poll(() => alert.textContent()).toMatch(message);
      await alert.getByRole('button').click();
    }
    await settled(page);
    expect(await all(page, 'bt')).toEqual(lines);
  });

  // A program stands in for the GPU.
  it('computes the same on every backend that the browser has', { timeout: 900_000 }, async () => {
    const { page } = await open();
    while ((await page.locator('.card').count()) > 2)
      await page.locator('.card .remove').last().click();
    await settled(page);
    const lines = await all(page, 'bt');
    for (const backend of ['webgl', 'webgpu', 'wasm']) {
      await idle(page);
      await page.locator(`#backend-${backend}`).check();
      const time = page
        .locator(`#backend-${backend} + span + span`)
        .filter({ hasText: 'ms an image' });
      await time.waitFor({ timeout: 400_000 });
      await settled(page);
      expect(await all(page, 'bt')).toEqual(lines);
      console.log(`${backend}: ${await time.textContent()}`);
    }
  });

  it('computes the same where wasm has threads', async () => {
    const { page } = await open({}, isolated);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    const lines = await all(page, 'bt');
    await page.goto(server.url);
    await page.waitForFunction(() => performance.getEntriesByName('first prediction').length > 0);
    await idle(page);
    expect(await all(page, 'bt')).toEqual(lines);
  });

  it('trains 210 steps in the page, which goes on, and leaves no tensor behind', {
    timeout: 600_000,
  }, async () => {
    const { page } = await open();
    const training = page.locator('#training');
    await page.locator('#epochs').fill('10');
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    const tensors = new Map<number, number>();
    const began = Date.now();
    for (let step = 0; step < 210; ) {
      const { steps = '0', tensors: count = '0' } = await training.evaluate(
        ({ dataset }) => ({ ...dataset }) as Record<string, string>,
      );
      step = Number(steps);
      tensors.set(step, Number(count));
      // The page answers while it trains.
      await page
        .locator('.card')
        .nth(step % 12)
        .hover();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await page.getByText(/^Done in /).waitFor();
    console.log(
      `210 steps in ${((Date.now() - began) / 1000).toFixed(0)} s: ${await training.getByRole('status').textContent()}`,
    );
    // Adam's moments come with the first step.
    const counts = new Set([...tensors].filter(([step]) => step > 1).map(([, count]) => count));
    expect(tensors.size).toBeGreaterThan(20);
    expect([...counts]).toHaveLength(1);
    expect(await page.locator('#training svg').count()).toBe(2);
    await save('page_training', await training.screenshot());
    const accuracy = Number(
      (await training.getByRole('status').textContent())!.match(/(\d+) % of 84/)![1],
    );
    expect(accuracy).toBeGreaterThan(30);
    expect(await page.locator('#model-about').textContent()).toContain('trained here');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save the model' }).click();
    const saved = join(folder, 'saved.safetensors');
    await (await download).saveAs(saved);
    const lines = await all(page, 'bt');
    await page.getByRole('button', { name: 'Back to the model of the page' }).click();
    await idle(page);
    await page.setInputFiles('#model-file', saved);
    await expect
      .poll(() => page.locator('#model-about').textContent())
      .toContain('saved.safetensors');
    await settled(page);
    expect(await all(page, 'bt')).toEqual(lines);
  });

  it('stops training when it is told to', async () => {
    const { page } = await open();
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await page.locator('#training[data-steps]').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText(/^Stopped after \d+ steps/).waitFor();
  });

  it.each([
    ['page', 'light', 1280, 1000],
    ['page_dark', 'dark', 1280, 1000],
    ['page_phone', 'light', 390, 844],
  ] as const)('fits its window as %s', async (name, colorScheme, width, height) => {
    const { page } = await open({ colorScheme, viewport: { width, height } });
    // Another face listens to this one.
    await page.locator('.card .select').nth(4).click();
    await page.locator('#damage-occlusion').press('End');
    await settled(page);
    await page.locator('.backends').filter({ hasText: 'ms an image' }).waitFor();
    const [background, overflow] = await page.evaluate(() => [
      getComputedStyle(document.documentElement).backgroundColor,
      document.documentElement.scrollWidth - innerWidth,
    ]);
    expect(Number(background.match(/\d+/)![0]) > 128).toBe(colorScheme === 'light');
    expect(overflow).toBeLessThanOrEqual(0);
    await page.evaluate(() => scrollTo(0, 0));
    await save(name, await page.screenshot({ fullPage: name !== 'page_phone' }));
  });
});

async function save(name: string, screenshot: Buffer): Promise<void> {
  mkdirSync(images, { recursive: true });
  const png = { palette: true, colors: 200, compressionLevel: 9, effort: 10 };
  await sharp(screenshot)
    .png(png)
    .toFile(join(images, `${name}.png`));
}

/** A page that has read its first batch. When the test ends, it has asked no one else, and never been stuck. */
async function open(
  options: Parameters<Browser['newContext']>[0] = {},
  { url }: Server = server,
): Promise<{ page: Page }> {
  const context: BrowserContext = await browser.newContext({
    viewport: { width: 1280, height: 1000 },
    reducedMotion: 'reduce',
    ...options,
  });
  const [urls, errors]: [string[], string[]] = [[], []];
  context.on('request', (request) => urls.push(request.url()));
  context.on('weberror', (error) => errors.push(error.error().message));
  context.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  const page = await context.newPage();
  page.on('websocket', (socket) => urls.push(socket.url()));
  await browser.startTracing(page, {
    categories: ['toplevel', 'blink.user_timing'],
  });
  onTestFinished(async () => {
    const task = longestTaskOf(await browser.stopTracing());
    await context.close();
    expect(errors).toEqual([]);
    // The worker's too, which fetches these.
    expect(urls.some((each) => each.endsWith('.safetensors'))).toBe(true);
    const own = [server.url, isolated.url, 'blob:', 'data:'];
    expect(urls.filter((each) => !own.some((start) => each.startsWith(start)))).toEqual([]);
    console.log(`longest task: ${task.processor} ms, with waits ${task.wall} ms`);
    expect(task.processor).toBeLessThanOrEqual(longestTask);
  });
  await page.goto(url);
  await page.waitForFunction(() => performance.getEntriesByName('first prediction').length > 0);
  await idle(page);
  return { page };
}

/** What we use of Chromium's trace events. */
interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  dur?: number;
  tdur?: number;
}

/** Of the page's UI thread, in milliseconds. */
function longestTaskOf(trace: Buffer): { processor: number; wall: number } {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  // Chromium's own pages have threads of their own.
  const { pid, tid } = traceEvents.find(({ name }) => name === 'first prediction')!;
  const tasks = traceEvents.filter(
    (event) =>
      event.name === 'ThreadControllerImpl::RunTask' && event.pid === pid && event.tid === tid,
  );
  expect(tasks.length).toBeGreaterThan(100);
  const most = (part: 'dur' | 'tdur') =>
    Math.round(Math.max(...tasks.map((task) => task[part] ?? 0)) / 1000);
  return { processor: most('tdur'), wall: most('dur') };
}

/** Waits until the batch has been read as it is. */
async function settled(page: Page): Promise<void> {
  await page.locator('#batch[aria-busy="false"]').waitFor();
}

/** Waits until nothing is under way that keeps buttons disabled. */
async function idle(page: Page): Promise<void> {
  await page.locator('#model-file:enabled').waitFor({ state: 'attached', timeout: 400_000 });
  await settled(page);
}

async function clear(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Remove all' }).click();
  await settled(page);
}

/** What an output says of every face. */
function all(page: Page, output: string): Promise<string[]> {
  return page
    .locator(`.line.${output}`)
    .evaluateAll((lines) =>
      lines.map((line) => `${line.textContent} ${line.getAttribute('style')}`),
    );
}

/** The probability that a line shows. */
async function partOf(line: Locator): Promise<number> {
  return Number(await line.evaluate((element) => element.style.getPropertyValue('--part')));
}

/** JPEG files of faces as the trainer's. */
function drawFaces(count: number): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const bytes = await takePicture(pictureAt(7, 'test', 'happiness', i), 112).toBuffer();
      return writeFile(join(folder, `drawn_${i}.jpg`), bytes);
    }),
  );
}

/** Files and folders, as from the desktop. */
async function dropFiles(page: Page, files: string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, x: 300, y: 100, data });
  }
}
