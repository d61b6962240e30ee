/** Trains for a minute or two: too long for every run of the tests. */
import { expect, it } from 'vitest';
import { runExample } from './run_example.js';

it('fine_tune takes over what fits, and learns more by it than from random weights', async () => {
  const printed = await runExample('fine_tune.ts', '--work', 'fine_tune');
  expect(printed).toMatch(
    /^\d+ weights taken from fine_tune\/seven_classes\.safetensors, anew begin:$/m,
  );
  expect(printed).toMatch(/^ {2}.*class_query\.weight, class_query\.bias/m);
  expect(printed).toMatch(/^160 pictures to learn from, 4 epochs; right of 320 others:$/m);
  const percent = (start: string) =>
    Number(new RegExp(`from ${start} weights: (\\S+) %`).exec(printed)?.[1]);
  // Chance is 12.5 %.
  expect(percent('converted')).toBeGreaterThan(percent('random'));
  expect(percent('random')).toBeGreaterThan(0);
});
