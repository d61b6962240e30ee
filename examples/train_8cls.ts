/**
 * Trains BTN-8 on a folder of images with the published recipe: what the `btn-layers train` command
 * does, as a program to start from. (8 classes are the 7 basic expressions and contempt.)
 *
 *     npx tsx examples/train_8cls.ts path/to/data runs/my_run [full|tiny]
 */
import { classReportTable, progressReporter, selectBackend, train } from 'btn-layers/node';

const [data, out, preset = 'full'] = process.argv.slice(2);

async function main(): Promise<void> {
  if (preset !== 'full' && preset !== 'tiny') throw new Error(`preset ${preset}: full or tiny`);
  console.log(`backend: ${await selectBackend()}`);
  const { best, folder } = await train({
    data, // train/1…8/*.jpg and test/1…8/*.jpg
    dataType: 'AffectNet-8',
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
