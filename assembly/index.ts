/** The kernels that src/kernels/wasm calls; `npm run build:assembly` compiles them. */
export { adam } from './adam';
