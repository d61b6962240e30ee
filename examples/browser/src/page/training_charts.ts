/** Fetched when a training starts: charts are a large part of the page. */
import * as Plot from '@observablehq/plot';
import { outputs, type TrainingProgress } from '../protocol.js';

/** More points than the chart has pixels would only take time. */
const mostPoints = 150;

/** Losses by step and accuracy by epoch. */
export function drawCharts(history: readonly TrainingProgress[], room: number): Element[] {
  const { steps, stepsPerEpoch } = history[0]!;
  const every = Math.ceil(history.length / mostPoints);
  const losses = means(history, every);
  const accuracies = history.filter(({ accuracy }) => accuracy !== undefined);
  const epochs = steps / stepsPerEpoch;
  const common = {
    width: room >= 560 ? Math.floor(room / 2) - 8 : room,
    height: 190,
    marginLeft: 40,
    style: { background: 'none' },
    x: { label: 'epoch', domain: [0, epochs], ticks: Math.min(epochs, 8) },
  };
  const lossChart = Plot.plot({
    ...common,
    ariaLabel: 'Cross-entropy of vit, cba and bt by step',
    y: { label: 'cross-entropy', domain: [0, 2.5], clamp: true, grid: true },
    marks: outputs.map((output) =>
      Plot.lineY(
        losses.filter((point) => point[output] !== undefined),
        { x: 'epoch', y: output, stroke: `var(--${output})`, strokeWidth: 1.75 },
      ),
    ),
  });
  const accuracyChart = Plot.plot({
    ...common,
    ariaLabel: 'Accuracy on faces of other people by epoch',
    y: { label: 'accuracy of vit, %', domain: [0, 100], grid: true },
    marks: [
      Plot.ruleY([100 / 7], { stroke: 'var(--quiet)', strokeDasharray: '3 3' }),
      Plot.lineY(accuracies, {
        x: ({ step }) => step / stepsPerEpoch,
        y: ({ accuracy }) => 100 * accuracy,
        stroke: 'var(--vit)',
        strokeWidth: 1.75,
        marker: 'circle',
      }),
    ],
  });
  return [lossChart, accuracyChart];
}

type Point = TrainingProgress['losses'] & { epoch: number };

/** The mean of each so many steps. */
function means(history: readonly TrainingProgress[], every: number): Point[] {
  const count = Math.floor(history.length / every);
  return Array.from({ length: count }, (_, i) => {
    const part = history.slice(i * every, (i + 1) * every);
    const { step, stepsPerEpoch } = part.at(-1)!;
    const meanOf = (output: (typeof outputs)[number]) => {
      const values = part.map(({ losses }) => losses[output]);
      if (values.includes(undefined)) return undefined;
      return (values as number[]).reduce((sum, value) => sum + value, 0) / part.length;
    };
    return {
      epoch: step / stepsPerEpoch,
      ...Object.fromEntries(outputs.map((output) => [output, meanOf(output)])),
    };
  });
}
