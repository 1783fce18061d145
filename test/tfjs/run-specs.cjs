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
env.execute().then(() => {
  fs.writeFileSync(file, JSON.stringify({results, handedOver: handedOver()}));
  process.exit(0);
});
