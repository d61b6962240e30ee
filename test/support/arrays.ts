export * from '../../src/testing/arrays.js';
