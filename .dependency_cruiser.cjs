// The order of the house: a folder may import only from the ones below it in this list.
const floors = [
  'cli',
  'node',
  'testing',
  'training',
  'weights',
  'models',
  'layers',
  'kernels',
  'ops',
];

const upward = floors.slice(1).map((folder, i) => ({
  name: `no-upward-import-from-${folder}`,
  severity: 'error',
  comment: `src/${folder} may import only from itself and the folders below it`,
  from: { path: `^src/${folder}/` },
  to: { path: `^src/(${floors.slice(0, i + 1).join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...upward,
    {
      name: 'testing-is-for-users',
      severity: 'error',
      comment: 'src/testing checks what others compute; nothing in src needs it',
      from: { path: '^src/', pathNot: '^src/testing/' },
      to: { path: '^src/testing/' },
    },
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'browser-safe',
      severity: 'error',
      comment: 'Only src/node and src/cli may need Node',
      from: { path: '^src/', pathNot: '^src/(node|cli)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'package-root-is-for-users',
      severity: 'error',
      comment: 'Inside src, import the file that defines the name',
      from: { path: '^src/.+/' },
      to: { path: '^src/index\\.ts$' },
    },
    {
      name: 'not-to-test',
      severity: 'error',
      from: { path: '^src' },
      to: { path: '^(test|examples|bench|scripts)' },
    },
    {
      name: 'no-undeclared-package',
      severity: 'error',
      from: { path: '^src' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], pathNot: '@tensorflow' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
