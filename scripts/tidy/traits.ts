// Passes read traits: only the rules that rewrite name ops. And operands have names: nobody casts them.
import path from 'node:path';
import ts from 'typescript';
import type {SourceFile, Violation} from './files.ts';

/** The files of lib/compile that may name ops: what `simplify` and `fuse` rewrite, what `schedule` adds. */
const ruleFiles = [
  'simplify-rules.ts',
  'fuse-rules.ts',
  'batching-rules.ts',
  'copies.ts',
  'recurrent-panels.ts',
  'recurrent-rules.ts',
  'row-rules.ts',
];
const instead = `passes read traits; only ${ruleFiles.join(', ')} name ops`;

const withoutCasts = /^lib\/(ops|graph|compile)\//;

export function checkTraits(files: readonly SourceFile[]): Violation[] {
  return files
    .filter(file => withoutCasts.test(file.path) && file.path.endsWith('.ts'))
    .flatMap(file => {
      const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
      const isRule = ruleFiles.includes(path.posix.basename(file.path));
      const isPass = file.path.startsWith('lib/compile/') && !isRule;
      const find = (node: ts.Node): string | undefined =>
        castOf(node) ?? (isPass ? (importOf(node) ?? nameOf(node)) : undefined);
      const found: Violation[] = [];
      const visit = (node: ts.Node): void => {
        const what = find(node);
        const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
        if (what !== undefined) found.push({file: file.path, line, what});
        ts.forEachChild(node, visit);
      };
      visit(source);
      return found;
    });
}

/** `call.inputs[0] as Tensor`, `inputs as readonly [Tensor, Tensor]` */
function castOf(node: ts.Node): string | undefined {
  if (!ts.isAsExpression(node) || !/\bTensor\b/.test(node.type.getText())) return undefined;
  return `${node.getText()}: operands have names; see lib/core/define.ts and lib/core/operands.ts`;
}

/** Values that are imported from lib/ops. */
function importOf(node: ts.Node): string | undefined {
  if (!ts.isImportDeclaration(node) || !/\/ops\//.test(node.moduleSpecifier.getText())) return undefined;
  const {importClause} = node;
  if (importClause?.phaseModifier !== undefined) return undefined;
  const bindings = importClause?.namedBindings;
  if (!bindings || !ts.isNamedImports(bindings)) return `${node.getText()}: ${instead}`;
  const values = bindings.elements.filter(({isTypeOnly}) => !isTypeOnly).map(({name}) => name.text);
  return values.length === 0 ? undefined : `${values.join(', ')}: ${instead}`;
}

/** A name, of an op or an operand, that is compared with a literal, in a switch or as a key as well. */
function nameOf(node: ts.Node): string | undefined {
  const isName = (side: ts.Node): boolean => /(^|\.)name$|\bsignature\.text$/.test(side.getText());
  if (ts.isBinaryExpression(node)) {
    const sides = [node.left, node.right];
    const isComparison = /^[!=]==?$/.test(node.operatorToken.getText());
    if (!isComparison || !sides.some(isName) || !sides.some(ts.isStringLiteralLike)) return undefined;
  } else if (ts.isSwitchStatement(node)) {
    if (!isName(node.expression)) return undefined;
  } else if (ts.isElementAccessExpression(node)) {
    if (!/\bop\.name$/.test(node.argumentExpression.getText())) return undefined;
  } else return undefined;
  return `${node.getText().split('\n')[0]}: ${instead}`;
}
