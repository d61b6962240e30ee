/** Before every file of tests: where the page's server has the binaries of tfjs-backend-wasm. */
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

setWasmPaths('/node_modules/@tensorflow/tfjs-backend-wasm/dist/');
