// Holds the layering, the sizes, the names and the traits. Prints each violation as file:line: what.
import {checkCircles} from './tidy/circles.ts';
import {listFiles} from './tidy/files.ts';
import {checkIdentity} from './tidy/identity.ts';
import {checkImports} from './tidy/imports.ts';
import {checkNames} from './tidy/names.ts';
import {checkObjects} from './tidy/objects.ts';
import {checkSizes} from './tidy/sizes.ts';
import {checkTraits} from './tidy/traits.ts';

const files = listFiles();
const objects = checkObjects();
if (typeof objects === 'string') console.log(`skipped: ${objects}`);
const found = [
  ...checkSizes(files),
  ...checkImports(files),
  ...checkCircles(files),
  ...checkNames(files),
  ...checkIdentity(files),
  ...checkTraits(files),
  ...(typeof objects === 'string' ? [] : objects),
];
for (const {file, line, what} of found) console.log(`${file}:${line}: ${what}`);
console.log(
  found.length === 0 ? `tidy: ${files.length} files, nothing to say` : `tidy: ${found.length} to mend`,
);
process.exitCode = found.length === 0 ? 0 : 1;
