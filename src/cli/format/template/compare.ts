// eq, ne, lt, le, gt, ge as Go's templates compare.
import { FunctionError } from './errors.ts';
import { formatValue, sprintf } from './print.ts';
import { GoFunction, GoMap, GoSlice, GoStruct, JsonNumber, NilPointer, typeName, type Value } from './values.ts';

type Basic = 'string' | 'bool' | 'int' | 'float';

/** What can be compared by order; undefined for everything else, nil included. */
function basicKind(value: Value): Basic | undefined {
  if (typeof value === 'string' || value instanceof JsonNumber) return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  return typeof value === 'number' ? 'float' : undefined;
}

function plain(value: Value): string | boolean | bigint | number | undefined {
  if (value instanceof JsonNumber) return value.text;
  return typeof value === 'object' ? undefined : value;
}

function isNil(value: Value): boolean {
  if (value instanceof GoSlice || value instanceof GoMap) return value.isNil;
  return value === undefined || value instanceof NilPointer;
}

/** Map, slice, struct, pointer: of two kinds nothing can be equal. */
function kindName(value: Value): string {
  if (value === undefined) return 'nil';
  if (value instanceof GoStruct) return value.options.pointer ? 'NilPointer' : 'GoStruct';
  return typeof value === 'object' ? value.constructor.name : typeof value;
}

function equals(left: Value, right: Value): boolean {
  const [leftKind, rightKind] = [basicKind(left), basicKind(right)];
  if (leftKind !== rightKind) {
    if (left !== undefined && right !== undefined) throw new FunctionError('incompatible types for comparison');
    return false;
  }
  return leftKind === undefined ? equalOthers(left, right) : plain(left) === plain(right);
}

function equalOthers(left: Value, right: Value): boolean {
  const show = (value: Value) => sprintf('%s', [value]);
  const isComparable = left === undefined || right === undefined || kindName(left) === kindName(right);
  if (!isComparable) {
    const both = `${show(left)}: ${typeName(left)}, ${typeName(right)}: ${formatValue(right)}`;
    throw new FunctionError(`non-comparable types ${both}`);
  }
  if (isNil(left) || isNil(right)) return isNil(left) && isNil(right);
  if (right instanceof GoSlice || right instanceof GoMap || right instanceof GoFunction) {
    throw new FunctionError(`non-comparable type ${show(right)}: ${typeName(right)}`);
  }
  return left === right;
}

/** True when the first argument equals any of the others. */
export function equalsAny(first: Value, others: readonly Value[]): boolean {
  if (others.length === 0) throw new FunctionError('missing argument for comparison');
  for (const other of others) if (equals(first, other)) return true;
  return false;
}

export function isLess(left: Value, right: Value): boolean {
  const [leftKind, rightKind] = [basicKind(left), basicKind(right)];
  if (leftKind === undefined || rightKind === undefined) throw new FunctionError('invalid type for comparison');
  if (leftKind !== rightKind) throw new FunctionError('incompatible types for comparison');
  if (leftKind === 'bool') throw new FunctionError('invalid type for comparison');
  return (plain(left) ?? '') < (plain(right) ?? '');
}
