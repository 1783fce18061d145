import fs from 'node:fs';
import {defineConfig, type UserConfig} from 'tsdown';

const common: UserConfig = {
  outDir: 'dist',
  platform: 'node',
  target: 'node20.19',
  tsconfig: 'tsconfig.build.json',
  sourcemap: false,
  clean: false,
  fixedExtension: true,
};

// The library is index.cjs for all who run it, so that one process never has two copies, and layers of one are
// layers for the other. bundler.mjs is for bundlers, which take whichever copy once.
export default defineConfig([
  {
    ...common,
    entry: ['lib/index.ts'],
    clean: true,
    format: 'cjs',
    dts: true,
    // A sandbox such as Jest's refuses import() in CommonJS.
    outputOptions: {dynamicImportInCjs: false},
    onSuccess: () => {
      const all = "export * from './index.cjs';\n";
      fs.writeFileSync('dist/index.mjs', all);
      fs.writeFileSync('dist/index.d.mts', all);
    },
  },
  {...common, entry: {bundler: 'lib/index.ts'}, format: 'esm', dts: false},
]);
