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
    maxWorkers: availableParallelism(),
    // A test that looks at nothing fails.
    expect: {requireAssertions: true},
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
