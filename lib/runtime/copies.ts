// Two copies of the library in one process do not take each other's layers and errors for theirs, which is
// hard to see from the messages: so the second one says that there are two.
import {ownFile} from './binary.ts';

const mark = Symbol.for('chainrule.file');

/** Warns where another file in this thread is this library too: another version, or a bundle of it. */
export function warnOfCopies(): void {
  const shared = globalThis as {[mark]?: string | undefined};
  const [first, own] = [shared[mark], ownFile() ?? 'a bundle'];
  if (first === undefined) Object.defineProperty(shared, mark, {value: own});
  if (first === undefined || first === own) return;
  process.emitWarning(
    `two copies of chainrule are loaded, ${first} and ${own}: what one makes is unknown to the other. ` +
      'Install one version, and bundle all of the program or leave chainrule outside.',
    {type: 'ChainruleWarning', code: 'CHAINRULE_COPIES'},
  );
}
