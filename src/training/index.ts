export * from './data_types.js';
