/** Starts a thread from the TypeScript sources; the package has it compiled. */
import { register } from 'tsx/esm/api';

register();
await import('./thread.ts');
