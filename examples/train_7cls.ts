/**
 * Trains BTN-7 on a folder of images with the published recipe: what the `btn-layers train` command
 * does, as a program to start from. (AffectNet-7 by `dataType: 'AffectNet-7'`.)
 *
 *     npx tsx examples/train_7cls.ts path/to/data runs/my_run [full|tiny]
 */
import { classReportTable, progressReporter, selectBackend, train } from 'btn-layers/node';

const [data, out, preset = 'full'] = process.argv.slice(2);

async function main(): Promise<void> {
  if (preset !== 'full' && preset !== 'tiny') throw new Error(`preset ${preset}: full or tiny`);
  console.log(`backend: ${await selectBackend()}`);
  const { best, folder } = await train({
    data, // train/1…7/*.jpg and test/1…7/*.jpg
    dataType: 'RAF-DB',
    preset,
    out,
    reporter: progressReporter(),
  });
  if (best) console.log(classReportTable(best.evaluation.report, best.evaluation.classNames));
  console.log(`the best model is in ${folder.best}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
