/**
 * Reads the expression of every picture below a folder, with a progress bar, and writes a table for a spreadsheet. Files
 * that are no readable pictures are named and left out.
 *
 *     npm run demo                           # or another model: a run, a .pth, a .safetensors
 *     npx tsx examples/predict_folder.ts photos --checkpoint runs/demo --out predictions.csv
 */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { predict, selectBackend } from 'btn-layers/node';
import { Presets, SingleBar } from 'cli-progress';

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      checkpoint: { type: 'string' },
      out: { type: 'string', default: 'predictions.csv' },
    },
  });
  const [folder] = positionals;
  if (!folder || !values.checkpoint) throw new Error('needs a folder and --checkpoint');

  const files = await readdir(folder, { recursive: true });
  const images = files.filter((name) => /\.(jpe?g|png|webp|gif|tiff?|avif)$/i.test(name)).sort();
  await selectBackend();
  const bar = new SingleBar({}, Presets.shades_classic);
  bar.start(images.length, 0);
  const { predictions, skipped } = await predict({
    checkpoint: values.checkpoint,
    images: images.map((name) => join(folder, name)),
    onProgress: (done) => bar.update(done),
  });
  bar.stop();

  const classes = Object.keys(predictions[0]?.probabilities ?? {});
  const rows = predictions.map(({ path, label, probabilities }) =>
    [quoted(path), label, ...classes.map((name) => probabilities[name]!.toFixed(4))].join(),
  );
  await writeFile(values.out, [['image', 'label', ...classes].join(), ...rows, ''].join('\n'));
  const counts = new Map<string, number>();
  for (const { label } of predictions) counts.set(label, (counts.get(label) ?? 0) + 1);
  for (const [label, count] of counts) console.log(`${label.padEnd(10)} ${count}`);
  for (const { path, reason } of skipped) console.log(`left out: ${path}: ${reason}`);
  console.log(`${predictions.length} pictures in ${values.out}`);
}

/** A cell that may hold commas and quotes. */
function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
