/**
 * WGSL of attention. A workgroup takes a tile of 32 rows, past which all columns go, 32 at a time; the rows are queries
 * and the columns keys, or the other way round. Of the scores it holds this tile alone, 4 rows × 4 columns in each of its
 * 64 threads.
 *
 * Inputs are converted as they are read: a cast from integers to floats leaves the integers in their buffer.
 */

/** Tokens on a side of a tile. */
export const tileSize = 32;
/** 8 × 8. */
export const threads = 64;
/** Vectors of four features that the tiles in workgroup memory have room for. */
const tileParts = 8;
/** Matrices that a thread sums up at the most: more would leave it no registers. */
const mostSums = 4;

export interface ShaderSizes {
  /** Features of a head's query and key. */
  readonly depth: number;
  /** Features of a head's value. */
  readonly width: number;
  readonly hasBias: boolean;
  readonly hasMask: boolean;
}

type Tokens = 'queries' | 'keys';

/** A tensor `[batches, tokens, heads · features]`. */
export interface Operand {
  readonly name: string;
  readonly tokens: Tokens;
  readonly features: number;
}

export type OperandName = 'query' | 'key' | 'value' | 'dy';

export function operandsOf({ depth, width }: ShaderSizes): Record<OperandName, Operand> {
  return {
    query: { name: 'query', tokens: 'queries', features: depth },
    key: { name: 'key', tokens: 'keys', features: depth },
    value: { name: 'value', tokens: 'keys', features: width },
    dy: { name: 'dy', tokens: 'queries', features: width },
  };
}

/** Numbers in an element of a buffer: rows of whole vectors of four are read as such. */
export const componentsOf = (features: number): 1 | 4 => (features % 4 === 0 ? 4 : 1);

const partsOf = (features: number): number => Math.ceil(features / 4);

/** Into how many workgroups the features of a result are split, and how many sums each thread has. */
export function splitOf(features: number): { groups: number; sums: number } {
  const needed = Math.ceil(partsOf(features) / tileParts);
  const groups = Math.ceil(needed / mostSums);
  return { groups, sums: Math.ceil(needed / groups) };
}

/** Unrolled here: an array whose index is not constant may be kept out of registers. */
function unrolled(count: number, code: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => code(i)).join('\n');
}

const four = (code: (i: number) => string) => unrolled(4, code);

/** Tiles, places of the threads, sums over the threads of a row. */
const common = `
var<workgroup> rowTile : array<vec4<f32>, ${tileSize * (tileParts + 1)}>;
var<workgroup> columnTile : array<vec4<f32>, ${tileSize * (tileParts + 1)}>;
var<workgroup> shares : array<vec4<f32>, ${threads}>;
var<private> batch : i32;
var<private> head : i32;
var<private> group : i32;
// This thread's rows and columns of the tile, by four.
var<private> rows : i32;
var<private> columns : i32;

fn place(groups : i32) {
  let index = i32(workgroupId.z * numWorkgroups.y + workgroupId.y);
  batch = index / (uniforms.heads * groups);
  head = index / groups % uniforms.heads;
  group = index % groups;
  rows = i32(localIndex) / 8;
  columns = i32(localIndex) % 8;
}

// Every thread's rows, summed over the eight threads that have them. All threads of the workgroup wait here.
fn sumOfShares(share : vec4<f32>) -> vec4<f32> {
  workgroupBarrier();
  shares[localIndex] = share;
  workgroupBarrier();
  var sum = shares[rows * 8];
  for (var i = 1; i < 8; i++) { sum += shares[rows * 8 + i]; }
  return sum;
}

fn mostOfShares(share : vec4<f32>) -> vec4<f32> {
  workgroupBarrier();
  shares[localIndex] = share;
  workgroupBarrier();
  var most = shares[rows * 8];
  for (var i = 1; i < 8; i++) { most = max(most, shares[rows * 8 + i]); }
  return most;
}
`;

/** Whether a token takes part. What a masked one holds, be it NaN, never enters a sum. */
function presence({ hasMask }: ShaderSizes): string {
  return `
fn isPresent(token : i32, count : i32) -> bool {
  return token < count${hasMask ? ' && f32(mask[token]) != 0.0' : ''};
}

fn arePresent(token : i32, count : i32) -> vec4<bool> {
  return vec4<bool>(${[0, 1, 2, 3].map((i) => `isPresent(token + ${i}, count)`).join(', ')});
}
`;
}

const indexOf = (tokens: Tokens, features: number) =>
  `((batch * uniforms.${tokens} + token) * uniforms.heads + head) * ${features}`;

/** Four features of a token of this batch and head; zeros where there are none. */
function loader({ name, tokens, features }: Operand): string {
  const at = indexOf(tokens, features);
  const load =
    componentsOf(features) === 4
      ? `x = vec4<f32>(${name}[(${at}) / 4 + part]);`
      : `let at = ${at} + 4 * part;
    let four = vec4<f32>(${[0, 1, 2, 3].map((i) => `f32(${name}[at + ${i}])`).join(', ')});
    x = select(vec4<f32>(), four, vec4<i32>(0, 1, 2, 3) + 4 * part < vec4<i32>(${features}));`;
  return `
fn load_${name}(token : i32, part : i32) -> vec4<f32> {
  var x = vec4<f32>();
  if (part < ${partsOf(features)} && isPresent(token, uniforms.${tokens})) {
    ${load}
  }
  return x;
}
`;
}

/** Of features of one number: those of four tokens. */
const loadFour = ({ name }: Operand, token: string) =>
  `vec4<f32>(${[0, 1, 2, 3].map((i) => `load_${name}(${token} + ${i}, 0).x`).join(', ')})`;

/**
 * `fn NAME(firstRow, firstColumn)`: the tile of products of two operands' tokens, this thread's 4 × 4 of it; [r] is its row
 * r. All threads of the workgroup wait in it.
 */
function product(name: string, row: Operand, column: Operand): string {
  const start = `fn ${name}(firstRow : i32, firstColumn : i32) -> mat4x4<f32> {`;
  if (row.features === 1) {
    return `
${start}
  let ofRows = ${loadFour(row, 'firstRow + 4 * rows')};
  let ofColumns = ${loadFour(column, 'firstColumn + 4 * columns')};
  return mat4x4<f32>(${[0, 1, 2, 3].map((r) => `ofRows[${r}] * ofColumns`).join(', ')});
}
`;
  }
  const parts = partsOf(row.features);
  const chunk = Math.ceil(parts / Math.ceil(parts / tileParts));
  // Eight threads that read eight columns, an odd number of vectors apart, read from eight banks. For the same reason the
  // four columns of a thread are kept eight apart.
  const stride = chunk | 1;
  return `
${start}
  var products = mat4x4<f32>();
  for (var first = 0; first < ${parts}; first += ${chunk}) {
    workgroupBarrier();
    for (var i = i32(localIndex); i < ${tileSize * chunk}; i += ${threads}) {
      let token = i / ${chunk};
      let part = i % ${chunk};
      rowTile[token * ${stride} + part] = load_${row.name}(firstRow + token, first + part);
      columnTile[(token % 4 * 8 + token / 4) * ${stride} + part] =
        load_${column.name}(firstColumn + token, first + part);
    }
    workgroupBarrier();
    for (var part = 0; part < ${chunk}; part++) {
      let ofColumns = mat4x4<f32>(${[0, 8, 16, 24]
        .map((i) => `columnTile[(columns + ${i}) * ${stride} + part]`)
        .join(', ')});
      ${four((r) => `products[${r}] += rowTile[(4 * rows + ${r}) * ${stride} + part] * ofColumns;`)}
    }
  }
  return products;
}
`;
}

/** `fn scores(firstRow, firstColumn)`: scaled and with the bias. */
function scores(row: Operand, column: Operand, { hasBias }: ShaderSizes): string {
  const biasAt = (r: number, c: number) => {
    const [ofRow, ofColumn] = [`(row + ${r})`, `(column + ${c})`];
    const [query, key] = row.tokens === 'queries' ? [ofRow, ofColumn] : [ofColumn, ofRow];
    return `f32(bias[(head * uniforms.queries + ${query}) * uniforms.keys + ${key}])`;
  };
  const addBias = `
  let row = firstRow + 4 * rows;
  let column = firstColumn + 4 * columns;
  ${four((r) => `scaled[${r}] += vec4<f32>(${[0, 1, 2, 3].map((c) => biasAt(r, c)).join(', ')});`)}`;
  return `
${product('products', row, column)}
fn scores(firstRow : i32, firstColumn : i32) -> mat4x4<f32> {
  var scaled = products(firstRow, firstColumn) * uniforms.scale;
  ${hasBias ? addBias : ''}
  return scaled;
}
`;
}

/** Sums over all columns of a factor for each row and column times the features of the column's token. */
interface Sums {
  readonly declare: string;
  /** Multiplies what was summed so far by the vector `decay` of each row. */
  readonly decay: string;
  /** Adds `factors`, a tile from `first` on. All threads have read the tiles in workgroup memory. */
  readonly add: string;
  /** Writes the sums times the vector `factor` of each row. */
  readonly store: string;
}

function sumsOver(operand: Operand): Sums {
  const { features } = operand;
  if (features === 1) {
    return {
      declare: 'var sums = vec4<f32>();',
      decay: 'sums *= decay;',
      add: `sums += ${loadFour(operand, 'first + 4 * columns')} * factors;`,
      store: `let sum = sumOfShares(sums);
      if (columns == 0) {
        ${four((r) => `store(firstRow + 4 * rows + ${r}, 0, vec4<f32>(sum[${r}] * factor[${r}]));`)}
      }`,
    };
  }
  const { sums: count } = splitOf(features);
  const firstPart = `group * ${count * tileParts}`;
  return {
    declare: unrolled(count, (w) => `var sums${w} = mat4x4<f32>();`),
    decay: unrolled(count, (w) => four((r) => `sums${w}[${r}] *= decay[${r}];`)),
    add: `
      ${four((r) => `rowTile[(4 * rows + ${r}) * 8 + columns] = factors[${r}];`)}
      ${unrolled(
        count,
        (w) => `
      ${w > 0 ? 'workgroupBarrier();' : ''}
      for (var i = i32(localIndex); i < ${tileSize * tileParts}; i += ${threads}) {
        columnTile[i] =
          load_${operand.name}(first + i / ${tileParts}, ${firstPart} + ${w * tileParts} + i % ${tileParts});
      }
      workgroupBarrier();
      for (var i = 0; i < 8; i++) {
        let features = mat4x4<f32>(${[0, 1, 2, 3]
          .map((j) => `columnTile[(4 * i + ${j}) * ${tileParts} + columns]`)
          .join(', ')});
        ${four((r) => `sums${w}[${r}] += features * rowTile[(4 * rows + ${r}) * 8 + i];`)}
      }`,
      )}`,
    store: unrolled(count, (w) =>
      four(
        (r) => `store(firstRow + 4 * rows + ${r}, ${firstPart} + ${w * tileParts} + columns,
          sums${w}[${r}] * factor[${r}]);`,
      ),
    ),
  };
}

/** `fn store(token, part, x)`: writes four features of a row; zeros where it is masked. */
function storer({ tokens }: Operand, features: number): string {
  const at = indexOf(tokens, features);
  const store =
    componentsOf(features) === 4
      ? `result[(${at}) / 4 + part] = y;`
      : `let at = ${at} + 4 * part;
    for (var i = 0; i < min(4, ${features} - 4 * part); i++) { result[at + i] = y[i]; }`;
  return `
fn store(token : i32, part : i32, x : vec4<f32>) {
  let count = uniforms.${tokens};
  if (token < count && part < ${partsOf(features)} && batch < uniforms.batches) {
    let y = select(vec4<f32>(), x, isPresent(token, count));
    ${store}
  }
}
`;
}

const eachColumn = (column: Operand, code: string) => `
  for (var first = 0; first < uniforms.${column.tokens}; first += ${tileSize}) {
    let present = arePresent(first + 4 * columns, uniforms.${column.tokens});
    ${code}
  }`;

/** Below all scores, and so far that exponentials of differences are 0. */
const least = '-1e38';

/**
 * One step of the streaming softmax: `factors` are the exponentials of the scores less `most`, the greatest of the row so
 * far; `total` is this thread's share of their sum, `decay` what sums so far are to be multiplied by.
 */
const softmaxStep = `
    var factors = scores(firstRow, first);
    let before = most;
    ${four((r) => `factors[${r}] = select(vec4<f32>(${least}), factors[${r}], present);`)}
    let greatest = max(max(vec4<f32>(factors[0][0], factors[1][0], factors[2][0], factors[3][0]),
      vec4<f32>(factors[0][1], factors[1][1], factors[2][1], factors[3][1])),
      max(vec4<f32>(factors[0][2], factors[1][2], factors[2][2], factors[3][2]),
      vec4<f32>(factors[0][3], factors[1][3], factors[2][3], factors[3][3])));
    most = max(most, mostOfShares(greatest));
    let decay = exp(before - most);
    ${four((r) => `factors[${r}] = select(vec4<f32>(), exp(factors[${r}] - most[${r}]), present);`)}
    total = total * decay + vec4<f32>(1.0) * factors;`;

const startSoftmax = `
  var most = vec4<f32>(${least});
  var total = vec4<f32>();`;

/** The output, `[batches, queries, heads · width]`. */
export function forwardShader(sizes: ShaderSizes): string {
  const { query, key, value } = operandsOf(sizes);
  const sums = sumsOver(value);
  return `${common}${presence(sizes)}${[query, key, value].map(loader).join('')}
${scores(query, key, sizes)}
${storer(query, value.features)}
fn main() {
  place(${splitOf(value.features).groups});
  let firstRow = i32(workgroupId.x) * ${tileSize};
  ${startSoftmax}
  ${sums.declare}
  ${eachColumn(key, `${softmaxStep}\n${sums.decay}\n${sums.add}`)}
  let factor = 1.0 / sumOfShares(total);
  ${sums.store}
}
`;
}

/**
 * Of each query, `[batches · heads · queries, 2]`: the logarithm of the sum of its scores' exponentials, and Σ A∘dA over
 * the keys, with A the softmax and dA = dy·Vᵀ.
 */
export function statisticsShader(sizes: ShaderSizes): string {
  const { query, key, value, dy } = operandsOf(sizes);
  return `${common}${presence(sizes)}${[query, key, value, dy].map(loader).join('')}
${scores(query, key, sizes)}
${product('weightGradients', dy, value)}
fn main() {
  place(1);
  let firstRow = i32(workgroupId.x) * ${tileSize};
  ${startSoftmax}
  var weighted = vec4<f32>();
  ${eachColumn(
    key,
    `${softmaxStep}
    let gradients = weightGradients(firstRow, first);
    weighted = weighted * decay + vec4<f32>(${[0, 1, 2, 3]
      .map((r) => `dot(factors[${r}], gradients[${r}])`)
      .join(', ')});`,
  )}
  let sum = sumOfShares(total);
  let logSum = most + log(sum);
  let mean = sumOfShares(weighted) / sum;
  if (columns == 0 && batch < uniforms.batches) {
    for (var r = 0; r < 4; r++) {
      let token = firstRow + 4 * rows + r;
      if (token < uniforms.queries) {
        result[(batch * uniforms.heads + head) * uniforms.queries + token] =
          vec2<f32>(logSum[r], mean[r]);
      }
    }
  }
}
`;
}

/** `fn weights(…)` and `fn scoreGradients(…)`: A and A∘(dA − Σ A∘dA), of rows `row` and columns `column`. */
function gradientsOfScores(row: Operand, sizes: ShaderSizes, needsScores: boolean): string {
  const { query, key, value, dy } = operandsOf(sizes);
  const byQueries = row.tokens === 'queries';
  const token = byQueries ? 'firstRow + 4 * rows' : 'firstColumn + 4 * columns';
  const ofRow = (vector: string, r: number) => (byQueries ? `${vector}[${r}]` : vector);
  const statistics = (component: string) =>
    `vec4<f32>(${[0, 1, 2, 3].map((i) => `statistics[at + ${i}].${component}`).join(', ')})`;
  const start = `
  let at = (batch * uniforms.heads + head) * uniforms.queries + ${token};`;
  const scoreGradients = `
${byQueries ? product('weightGradients', dy, value) : product('weightGradients', value, dy)}
fn scoreGradients(firstRow : i32, firstColumn : i32, present : vec4<bool>) -> mat4x4<f32> {${start}
  let means = ${statistics('y')};
  let ofWeights = weightGradients(firstRow, firstColumn);
  var gradients = weights(firstRow, firstColumn, present);
  ${four(
    (r) =>
      `gradients[${r}] = select(vec4<f32>(), gradients[${r}] * (ofWeights[${r}] - ${ofRow('means', r)}), present);`,
  )}
  return gradients;
}`;
  return `
${byQueries ? scores(query, key, sizes) : scores(key, query, sizes)}
fn weights(firstRow : i32, firstColumn : i32, present : vec4<bool>) -> mat4x4<f32> {${start}
  let logSums = ${statistics('x')};
  var exponentials = scores(firstRow, firstColumn);
  ${four(
    (r) =>
      `exponentials[${r}] = select(vec4<f32>(), exp(exponentials[${r}] - ${ofRow('logSums', r)}), present);`,
  )}
  return exponentials;
}
${needsScores ? scoreGradients : ''}`;
}

export type Gradient = 'query' | 'key' | 'value';

/** Which operand is summed over, and by which factors, for the gradient of each. */
const sumsOf = {
  query: { over: 'key', factors: 'scoreGradients' },
  key: { over: 'query', factors: 'scoreGradients' },
  value: { over: 'dy', factors: 'weights' },
} as const;

/** The operands that the shader of a gradient reads. */
export function readFor(gradient: Gradient): OperandName[] {
  return gradient === 'value' ? ['query', 'key', 'dy'] : ['query', 'key', 'value', 'dy'];
}

/** `dQ = scale · dS·K`, `dK = scale · dSᵀ·Q` or `dV = Aᵀ·dy`. */
export function gradientShader(gradient: Gradient, sizes: ShaderSizes): string {
  const operands = operandsOf(sizes);
  const row = operands[gradient];
  const column = operands[sumsOf[gradient].over];
  const { factors } = sumsOf[gradient];
  const sums = sumsOver(column);
  const read = readFor(gradient).map((name) => loader(operands[name]));
  return `${common}${presence(sizes)}${read.join('')}
${gradientsOfScores(row, sizes, factors === 'scoreGradients')}
${storer(row, row.features)}
fn main() {
  place(${splitOf(row.features).groups});
  let firstRow = i32(workgroupId.x) * ${tileSize};
  ${sums.declare}
  ${eachColumn(
    column,
    `let factors = ${factors}(firstRow, first, present);
    workgroupBarrier();
    ${sums.add}`,
  )}
  let factor = vec4<f32>(${gradient === 'value' ? '1.0' : 'uniforms.scale'});
  ${sums.store}
}
`;
}

/** The gradient of the bias, `[heads, queries, keys]`: dS summed over the batch. */
export function biasGradientShader(sizes: ShaderSizes): string {
  const operands = operandsOf(sizes);
  return `${common}${presence(sizes)}${Object.values(operands).map(loader).join('')}
${gradientsOfScores(operands.query, sizes, true)}
fn main() {
  place(1);
  head = i32(workgroupId.z);
  let firstRow = i32(workgroupId.x) * ${tileSize};
  let firstColumn = i32(workgroupId.y) * ${tileSize};
  let present = arePresent(firstColumn + 4 * columns, uniforms.keys);
  var sums = mat4x4<f32>();
  for (var b = 0; b < uniforms.batches; b++) {
    batch = b;
    sums += scoreGradients(firstRow, firstColumn, present);
  }
  for (var r = 0; r < 4; r++) {
    let query = firstRow + 4 * rows + r;
    for (var c = 0; c < 4; c++) {
      let key = firstColumn + 4 * columns + c;
      if (query < uniforms.queries && key < uniforms.keys) {
        result[(head * uniforms.queries + query) * uniforms.keys + key] = sums[r][c];
      }
    }
  }
}
`;
}
