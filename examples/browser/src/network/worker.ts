import * as Comlink from 'comlink';
import { Network } from './network.js';

Comlink.expose(new Network());
