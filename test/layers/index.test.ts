import { readdirSync, readFileSync } from 'node:fs';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import * as exported from '../../src/layers/index.js';

const layerClasses = Object.entries(exported).filter(
  ([, value]) => value.prototype instanceof tfl.layers.Layer,
) as [string, { className: string }][];

const tests = readdirSync(import.meta.dirname)
  .map((file) => readFileSync(`${import.meta.dirname}/${file}`, 'utf8'))
  .join('\n');

describe('layers', () => {
  it('are all exported', () => {
    const folder = `${import.meta.dirname}/../../src/layers`;
    const written = readdirSync(folder).flatMap((file) =>
      [...readFileSync(`${folder}/${file}`, 'utf8').matchAll(/className = '(\w+)'/g)].map(
        ([, name]) => name,
      ),
    );
    expect(layerClasses.map(([, { className }]) => className).sort()).toEqual(written.sort());
  });

  it.each(layerClasses)('%s is named as it is exported and held to the contract', (name, type) => {
    expect(type.className).toBe(name);
    expect(tests).toMatch(new RegExp(`layerContract\\(\\s*${name},`));
  });
});
