import fs from 'node:fs';
import {defineConfig, type UserConfig} from 'tsdown';
import {chunkOf, readLater} from './scripts/package/chunks.ts';

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
// layers for the other; so is the backend of TensorFlow.js, tfjs.cjs. bundler.mjs and bundler-tfjs.mjs are for
// bundlers, which take whichever copy once.
const entries = {
  index: 'lib/index.ts',
  tfjs: 'lib/tfjs/index.ts',
  'tfjs-layers': 'lib/tfjs-layers/index.ts',
  'tfjs-node': 'lib/tfjs-node/index.ts',
};
const forBundlers = Object.entries(entries).map(([name, file]) => {
  return [name === 'index' ? 'bundler' : `bundler-${name}`, file];
});

export default defineConfig([
  {
    ...common,
    entry: entries,
    clean: true,
    format: 'cjs',
    dts: true,
    plugins: [readLater],
    inputOptions: {preserveEntrySignatures: 'allow-extension'},
    outputOptions: (options, _format, {cjsDts}) => ({
      ...options,
      // A sandbox such as Jest's refuses import() in CommonJS.
      dynamicImportInCjs: false,
      // The declarations have them.
      comments: false,
      ...(!cjsDts && {codeSplitting: {includeDependenciesRecursively: false, groups: [{name: chunkOf}]}}),
    }),
    onSuccess: () => {
      for (const name of Object.keys(entries)) {
        const all = `export * from './${name}.cjs';\n`;
        fs.writeFileSync(`dist/${name}.mjs`, all);
        fs.writeFileSync(`dist/${name}.d.mts`, all);
      }
    },
  },
  {
    ...common,
    entry: Object.fromEntries(forBundlers),
    format: 'esm',
    dts: false,
  },
]);
