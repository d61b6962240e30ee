import type { Markish } from '@observablehq/plot';
import {
  draw,
  hairline,
  muted,
  type PlotLibrary,
  page,
  pagePadding,
} from '../../src/node/charts/svg_page.js';
import { conditions, type Network, networkNames } from './plan.js';
import { mean } from './statistics.js';
import { accuraciesOf, difference, type Group } from './tables.js';

const colors: Record<Network, string> = {
  'POSTER V2': '#6b7280',
  '+MLA': '#d97706',
  '+BT': '#059669',
  BTN: '#2563eb',
};

const panelWidth = 420;
const height = 400;

/** Accuracies of `vit` by condition and network, and differences to POSTER V2, as an SVG document. */
export async function ablationSvg(groups: readonly Group[], subtitle: string): Promise<string> {
  return page({
    width: 2 * panelWidth + 3 * pagePadding,
    height,
    title: 'Does the batch help? POSTER V2 and what BTN adds to it',
    lines: [
      'Tiny networks on drawn faces; test accuracy of vit after the last epoch',
      'Left: a dot a seed, a bar at the mean. Right: difference to POSTER V2, mean and 95 % interval',
      subtitle,
    ],
    panels: [
      { svg: await drawAccuracies(groups), x: pagePadding, y: 0 },
      { svg: await drawDifferences(groups), x: 2 * pagePadding + panelWidth, y: 0 },
    ],
  });
}

function drawAccuracies(groups: readonly Group[]): Promise<string> {
  const dots = groups.flatMap((group) =>
    accuraciesOf(group).map((vit) => ({ ...group, x: 100 * vit })),
  );
  const means = groups.map((group) => ({ ...group, x: 100 * mean(accuraciesOf(group)) }));
  return drawPanel('accuracy, %', (Plot) => [
    Plot.dot(dots, { ...place, x: 'x', fill: color, fillOpacity: 0.5, r: 3 }),
    Plot.tickX(means, { ...place, x: 'x', stroke: color, strokeWidth: 2.5 }),
  ]);
}

function drawDifferences(groups: readonly Group[]): Promise<string> {
  const intervals = groups.flatMap((group) => {
    const { condition, network } = group;
    const baseline = groups.find(
      (other) => other.condition === condition && other.network === 'POSTER V2',
    );
    const found = network === 'POSTER V2' ? undefined : difference(group, baseline);
    if (!found) return [];
    const [x1, x, x2] = [found.lower, found.mean, found.upper].map((value) => 100 * value);
    return [{ condition, network, x1, x, x2 }];
  });
  return drawPanel('difference to POSTER V2, points', (Plot) => [
    Plot.ruleX([0], { stroke: muted }),
    Plot.ruleY(intervals, { ...place, x1: 'x1', x2: 'x2', stroke: color, strokeWidth: 2 }),
    Plot.dot(intervals, { ...place, x: 'x', fill: color, r: 4 }),
  ]);
}

const place = { y: 'network', fy: 'condition' } as const;

const color = ({ network }: { network: Network }) => colors[network];

function drawPanel(label: string, marksOf: (Plot: PlotLibrary) => Markish[]): Promise<string> {
  return draw((Plot) => ({
    width: panelWidth,
    height: height - 10,
    marginLeft: 72,
    marginRight: 96,
    marginBottom: 44,
    x: { label: null, nice: true },
    y: { label: null, domain: networkNames },
    fy: { label: null, domain: conditions },
    marks: [
      Plot.gridX({ stroke: hairline, strokeOpacity: 1, ticks: 6 }),
      Plot.axisX({ fontSize: 11, label: null, fill: muted, ticks: 6, stroke: muted }),
      Plot.axisY({ fontSize: 11, label: null, tickSize: 0, fill: muted }),
      Plot.axisFy({ fontSize: 12, label: null }),
      // Above the first condition alone.
      Plot.text([{ condition: conditions[0], label }], {
        fy: 'condition',
        text: 'label',
        frameAnchor: 'top-left',
        dy: -14,
        fontSize: 13,
        fontWeight: 600,
      }),
      ...marksOf(Plot),
    ],
  }));
}
