import {availableParallelism} from 'node:os';
import {fileURLToPath} from 'node:url';
import {defineConfig} from 'vitest/config';

const source = fileURLToPath(new URL('./lib/index.ts', import.meta.url));

export default defineConfig({
  resolve: {alias: {chainrule: source}},
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/bundle.ts'],
    setupFiles: ['test/support/setup.ts'],
    pool: 'forks',
    // Loading the library takes longer than most files of tests. What a file sets, it sets back.
    isolate: false,
    maxWorkers: availableParallelism(),
    // A test that looks at nothing fails.
    expect: {requireAssertions: true},
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
