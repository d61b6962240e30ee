/**
 * Draws the figures of docs/concepts.md into docs/images, with numbers that the ops compute.
 *
 *     npx tsx scripts/draw_concepts.ts
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { classBatchAttention, classBatchAttentionWeights } from '../src/index.js';
import { draw, hairline, ink, muted, type PlotLibrary, page } from '../src/node/charts/svg_page.js';

const images = fileURLToPath(new URL('../docs/images', import.meta.url));
const blue = '#2563eb';
const orange = '#d97706';

interface Sample {
  name: string;
  /** Of one class, query and key at once. */
  features: [number, number];
  logit: number;
}

// docs/concepts.md computes with the same numbers.
const smile: Sample = { name: 'smile', features: [2, 0], logit: 2.5 };
const laugh: Sample = { name: 'laugh', features: [1.8, 0.4], logit: 2.1 };
const unsure: Sample = { name: 'half hidden', features: [1, 0.6], logit: 0.2 };
const frown: Sample = { name: 'frown', features: [-1, 1.5], logit: -1.8 };
const classes = 7;

function attend(batch: readonly Sample[]): { weights: number[][]; cba: number[] } {
  return tf.tidy(() => {
    const features = tf.tensor3d(batch.map((sample) => [sample.features]));
    const value = tf.tensor2d(batch.map(({ logit }) => [logit]));
    const options = { scale: 1 / Math.sqrt(classes) };
    const weights = classBatchAttentionWeights(features, features, options);
    const cba = classBatchAttention(features, features, value, options);
    return { weights: weights.arraySync()[0]!, cba: [...cba.dataSync()] };
  });
}

const signed = (value: number) =>
  (value > 0 ? '+' : value < 0 ? '−' : '') + Math.abs(value).toFixed(1);

interface Cell {
  x: string;
  y: string;
  text: string;
  fill: string;
}

/** Cells of one size, of which each says its number. */
function cells(Plot: PlotLibrary, of: Cell[], axisOfNames: boolean) {
  const columns = [...new Set(of.map(({ x }) => x))];
  const marginLeft = axisOfNames ? 92 : 8;
  return {
    width: marginLeft + 64 * columns.length + 8,
    height: 240,
    marginLeft,
    marginRight: 8,
    marginTop: 34,
    marginBottom: 6,
    x: { domain: columns, padding: 0.06 },
    y: { axis: null, domain: [...new Set(of.map(({ y }) => y))], padding: 0.06 },
    marks: [
      Plot.axisX({ anchor: 'top', label: null, tickSize: 0, fontSize: 11, fill: muted }),
      ...(axisOfNames ? [Plot.axisY({ label: null, tickSize: 0, fontSize: 12, fill: ink })] : []),
      Plot.cell(of, { x: 'x', y: 'y', fill: ({ fill }: Cell) => fill, rx: 4 }),
      Plot.text(of, { x: 'x', y: 'y', text: 'text', fontSize: 13, fill: ink }),
    ],
  };
}

/** White at 0, blue or orange at `strongest`. */
function tint(value: number, strongest: number): string {
  const part = Math.min(1, Math.abs(value) / strongest);
  const [r, g, b] = value >= 0 ? [147, 187, 253] : [253, 205, 140];
  const mix = (channel: number) => Math.round(255 + (channel - 255) * part);
  return `rgb(${mix(r!)},${mix(g!)},${mix(b!)})`;
}

async function drawAttention(): Promise<string> {
  const batch = [smile, laugh, unsure, frown];
  const { weights, cba } = attend(batch);
  const column = (x: string, values: number[]) =>
    values.map((value, i) => ({
      x,
      y: batch[i]!.name,
      text: signed(value),
      fill: tint(value, 2.5),
    }));
  const attention = weights.flatMap((row, i) =>
    row.map((weight, j) => ({
      x: batch[j]!.name,
      y: batch[i]!.name,
      text: weight.toFixed(2),
      fill: tint(weight, 0.5),
    })),
  );
  const logits = batch.map(({ logit }) => logit);
  const outputs = [
    ...column('cba', cba),
    ...column(
      'bt',
      cba.map((value, i) => value + logits[i]!),
    ),
  ];
  const drawings = [
    await draw((Plot) => cells(Plot, attention, true)),
    await draw((Plot) => cells(Plot, column('logit', logits), false)),
    await draw((Plot) => cells(Plot, outputs, false)),
  ];
  const [first, second, third] = drawings as [string, string, string];
  const sign = (x: number, text: string) => ({
    svg: `<svg width="28" height="240"><text x="14" y="142" font-size="20" text-anchor="middle" fill="${muted}">${text}</text></svg>`,
    x,
    y: 0,
  });
  return page({
    width: 680,
    height: 240,
    title: 'Class batch attention: one class, four images',
    lines: [
      'Row i: how much image i takes from each image of the batch; a row sums to 1.',
      'cba = attention × logit, bt = cba + logit. Each class has features of its own.',
    ],
    panels: [
      { svg: first, x: 12, y: 0 },
      sign(378, '×'),
      { svg: second, x: 404, y: 0 },
      sign(484, '='),
      { svg: third, x: 510, y: 0 },
    ],
  });
}

interface Spread {
  batch: number;
  images: number;
  scale: string;
}

/** From how many images a sample takes: the exponential of its attention's entropy, the mean over samples and classes. */
function imagesAttendedTo(batch: number, scale: number): number {
  return tf.tidy(() => {
    const shape: [number, number, number] = [batch, 70, 49];
    const query = tf.randomNormal(shape, 0, 1, 'float32', 1);
    const key = tf.randomNormal(shape, 0, 1, 'float32', 2);
    const weights = classBatchAttentionWeights(query, key, { scale });
    const entropy = tf.neg(tf.sum(tf.mul(weights, tf.log(tf.add(weights, 1e-20))), 2));
    return tf.mean(tf.exp(entropy)).dataSync()[0]!;
  });
}

async function drawScale(): Promise<string> {
  const scales = [
    { scale: '1/√E (E = 49)', value: 1 / 7, color: orange },
    { scale: '1/√C (C = 7)', value: 1 / Math.sqrt(7), color: blue },
  ];
  const spreads = scales.flatMap(({ scale, value }) =>
    [2, 4, 8, 16, 32, 64, 96, 144].map((batch) => ({
      batch,
      scale,
      images: imagesAttendedTo(batch, value),
    })),
  );
  for (const { batch, scale, images } of spreads) console.log(scale, batch, images.toFixed(1));
  const color = ({ scale }: Spread) => scales.find((each) => each.scale === scale)!.color;
  const svg = await draw((Plot) => ({
    width: 640,
    height: 300,
    marginLeft: 40,
    marginRight: 100,
    marginBottom: 40,
    marginTop: 24,
    x: { label: null },
    y: { label: null, domain: [0, 100] },
    marks: [
      Plot.gridY({ stroke: hairline, strokeOpacity: 1, ticks: 5 }),
      Plot.axisY({ ticks: 5, tickSize: 0, fill: muted, fontSize: 11, label: null }),
      Plot.axisX({
        ticks: [8, 32, 64, 96, 144],
        tickSize: 4,
        fill: muted,
        stroke: muted,
        fontSize: 11,
        label: null,
      }),
      Plot.text(['images attended to'], {
        frameAnchor: 'top-left',
        dx: -30,
        dy: -20,
        fontSize: 12,
        fontWeight: 600,
      }),
      Plot.text(['images in the batch'], {
        frameAnchor: 'bottom',
        dy: 34,
        fontSize: 12,
        fill: muted,
      }),
      Plot.line(spreads, { x: 'batch', y: 'images', z: 'scale', stroke: color, strokeWidth: 2 }),
      Plot.dot(spreads, { x: 'batch', y: 'images', fill: color, r: 3 }),
      Plot.text(
        spreads.filter(({ batch }) => batch === 144),
        {
          x: 'batch',
          y: 'images',
          text: 'scale',
          fill: color,
          textAnchor: 'start',
          dx: 8,
          fontSize: 12,
        },
      ),
    ],
  }));
  return page({
    width: 640,
    height: 306,
    title: 'What the root of the class count does',
    lines: [
      'Queries and keys of independent normal numbers, 49 features a class.',
      'Images attended to: the exponential of the entropy of a row of the attention.',
    ],
    panels: [{ svg, x: 12, y: 0 }],
  });
}

async function drawBatches(): Promise<string> {
  const batches = [
    { batch: 'alone', others: [] },
    { batch: 'with a smile, a laugh, a frown', others: [smile, laugh, frown] },
    { batch: 'with three smiles', others: [smile, smile, smile] },
    { batch: 'with three frowns', others: [frown, frown, frown] },
  ].map(({ batch, others }) => ({
    batch,
    bt: attend([unsure, ...others]).cba[0]! + unsure.logit,
  }));
  type Row = (typeof batches)[number];
  const svg = await draw((Plot) => ({
    width: 640,
    height: 210,
    marginLeft: 204,
    marginRight: 40,
    marginTop: 8,
    marginBottom: 40,
    x: { domain: [-2, 2.5], label: null },
    y: { domain: batches.map(({ batch }) => batch), label: null, padding: 0.35 },
    marks: [
      Plot.axisY({ tickSize: 0, fontSize: 12, fill: ink, label: null }),
      Plot.axisX({
        ticks: [-2, -1, 0, 1, 2],
        tickSize: 4,
        fill: muted,
        stroke: muted,
        fontSize: 11,
        label: null,
      }),
      Plot.barX(batches, {
        x: 'bt',
        y: 'batch',
        fill: ({ bt }: Row) => (bt >= 0 ? blue : orange),
        rx: 3,
      }),
      Plot.ruleX([0], { stroke: muted }),
      ...batches.map((row) =>
        Plot.text([row], {
          x: 'bt',
          y: 'batch',
          text: ({ bt }: Row) => signed(bt),
          dx: row.bt >= 0 ? 20 : -20,
          fontSize: 13,
          fontWeight: 600,
        }),
      ),
      Plot.text(['bt, the logit of happiness'], {
        frameAnchor: 'bottom',
        dy: 34,
        fontSize: 12,
        fill: muted,
      }),
    ],
  }));
  return page({
    width: 640,
    height: 216,
    title: 'The same half hidden face in four batches',
    lines: ['Its own logit is +0.2 each time. What bt says of it depends on who shares its batch.'],
    panels: [{ svg, x: 12, y: 0 }],
  });
}

await tf.setBackend('wasm');
const figures = {
  class_batch_attention: await drawAttention(),
  attention_scale: await drawScale(),
  batch_dependence: await drawBatches(),
};
for (const [name, svg] of Object.entries(figures))
  await writeFile(join(images, `${name}.svg`), svg);
