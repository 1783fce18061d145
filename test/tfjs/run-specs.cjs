// Runs the specs that tfjs-core ships, on a backend, outside a browser; writes the status of each.
//   node run-specs.cjs BUNDLE_OF_SPECS BACKEND_MODULE RESULTS_FILE [counted|uncounted] [PATTERN_OF_NAMES]
// `uncounted` turns off what tfjs's engine does in its own tests alone: each kernel's data are counted.
const fs = require('node:fs');
const jasmineCore = require('jasmine-core');

const [specs, backend, file, counted, pattern] = process.argv.slice(2);
const jasmine = jasmineCore.boot(jasmineCore);
const env = jasmine.getEnv();
jasmine.DEFAULT_TIMEOUT_INTERVAL = 60_000;
const grep = pattern ? new RegExp(pattern) : undefined;
env.configure({random: false, specFilter: spec => !grep || grep.test(spec.getFullName())});
const results = [];
const messages = ({failedExpectations}) => failedExpectations.map(({message}) => message.slice(0, 300));
env.addReporter({
  specDone(result) {
    if (grep && result.status === 'excluded') return;
    results.push({name: result.fullName, status: result.status, messages: messages(result)});
  },
  suiteDone(result) {
    if (result.failedExpectations.length === 0) return;
    results.push({name: `suite ${result.fullName}`, status: 'failed', messages: messages(result)});
  },
});
if (counted === 'uncounted') {
  let name = '';
  env.addReporter({specStarted: ({fullName}) => (name = fullName)});
  // Those counts have specs themselves.
  env.beforeEach(() => globalThis._tfengine.ENV.set('IS_TEST', name.includes('memory leak')));
}
globalThis.chainruleBackend = backend;
console.warn = () => {}; // tfjs warns where a spec makes it
require(specs);
const {handedOver} = require(backend);
const {getKernelsForBackend} = require('@tensorflow/tfjs-core');

// Which kernels ran natively; which of tfjs's ran instead: why, and for operands of which types.
const native = new Set();
const byTfjs = new Map();
const callsFor = name => handedOver().filter(({kernel}) => kernel === name);
for (const config of getKernelsForBackend('chainrule')) {
  const {kernelName, kernelFunc} = config;
  config.kernelFunc = given => {
    const before = callsFor(kernelName);
    const result = kernelFunc(given);
    const reason = callsFor(kernelName).find((row, at) => row.calls !== before[at]?.calls)?.reason;
    const types = new Set(Object.values(given.inputs).flatMap(operand => operand?.dtype ?? []));
    const row = {kernel: kernelName, reason, types: [...types].sort(), calls: 0};
    const key = JSON.stringify(row);
    if (!reason) native.add(kernelName);
    else if (!byTfjs.has(key)) byTfjs.set(key, row);
    if (reason) byTfjs.get(key).calls++;
    return result;
  };
}
env.execute().then(() => {
  const ran = {native: [...native], byTfjs: [...byTfjs.values()]};
  fs.writeFileSync(file, JSON.stringify({results, ...ran}));
  process.exit(0);
});
