import {defineConfig} from 'tsdown';

// The package: one bundle for `import`, one for `require`, with types for each.
export default defineConfig({
  entry: ['lib/index.ts'],
  format: ['esm', 'cjs'],
  outDir: 'dist',
  platform: 'node',
  target: 'node20.19',
  tsconfig: 'tsconfig.build.json',
  dts: true,
  shims: true,
  sourcemap: false,
  clean: true,
  fixedExtension: true,
});
