import {availableParallelism} from 'node:os';
import {fileURLToPath} from 'node:url';
import {defineConfig} from 'vitest/config';

const source = fileURLToPath(new URL('./lib/index.ts', import.meta.url));
const tfjs = fileURLToPath(new URL('./lib/tfjs/index.ts', import.meta.url));
const tfjsLayers = fileURLToPath(new URL('./lib/tfjs-layers/index.ts', import.meta.url));
const tfjsNode = fileURLToPath(new URL('./lib/tfjs-node/index.ts', import.meta.url));
// Runs without end, and what a process is: should a test of these fail, the next file begins afresh.
const alone = ['test/runtime/**/*.test.ts', 'test/reliability/**/*.test.ts'];

export default defineConfig({
  resolve: {
    alias: {
      'chainrule/tfjs-layers': tfjsLayers,
      'chainrule/tfjs-node': tfjsNode,
      'chainrule/tfjs': tfjs,
      chainrule: source,
    },
  },
  test: {
    globalSetup: ['test/support/bundle.ts'],
    setupFiles: ['test/support/setup.ts'],
    pool: 'forks',
    maxWorkers: availableParallelism(),
    // A test that looks at nothing fails.
    expect: {requireAssertions: true},
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {extends: true, test: {name: 'alone', include: alone}},
      // Loading the library takes longer than most of these files. What a file sets, it sets back.
      {extends: true, test: {name: 'shared', include: ['test/**/*.test.ts'], exclude: alone, isolate: false}},
    ],
  },
});
