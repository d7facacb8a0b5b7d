// eq, ne, lt, le, gt, ge as Go's templates compare.
import { FunctionError } from './errors.ts';
import { formatValue } from './print.ts';
import { GoFunction, GoMap, GoSlice, GoStruct, JsonNumber, NilPointer, typeName, type Value } from './values.ts';

type Kind = 'string' | 'bool' | 'int' | 'float' | 'none' | 'composite';

function kindOf(value: Value): Kind {
  if (value === undefined || value instanceof NilPointer) return 'none';
  if (typeof value === 'string' || value instanceof JsonNumber) return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'float';
  return 'composite';
}

function plain(value: Value): string | boolean | bigint | number | undefined {
  if (value instanceof JsonNumber) return value.text;
  if (typeof value === 'object') return undefined;
  return value;
}

function equals(left: Value, right: Value): boolean {
  const [leftKind, rightKind] = [kindOf(left), kindOf(right)];
  if (leftKind === 'composite' || rightKind === 'composite') return equalComposites(left, right);
  if (leftKind === 'none' || rightKind === 'none') return leftKind === rightKind;
  if (leftKind !== rightKind) throw new FunctionError('incompatible types for comparison');
  return plain(left) === plain(right);
}

/** Slices, maps and functions compare with nil only; structs by their fields. */
function equalComposites(left: Value, right: Value): boolean {
  if (kindOf(left) === 'none' || kindOf(right) === 'none') {
    const other = kindOf(left) === 'none' ? right : left;
    return (other instanceof GoSlice || other instanceof GoMap) && other.isNil;
  }
  for (const value of [left, right]) {
    if (value instanceof GoSlice || value instanceof GoMap || value instanceof GoFunction) {
      throw new FunctionError(`non-comparable type ${formatValue(value)}: ${typeName(value)}`);
    }
  }
  if (!(left instanceof GoStruct) || !(right instanceof GoStruct)) {
    throw new FunctionError('incompatible types for comparison');
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
  const [leftKind, rightKind] = [kindOf(left), kindOf(right)];
  for (const kind of [leftKind, rightKind]) {
    if (kind === 'composite' || kind === 'none') throw new FunctionError('invalid type for comparison');
  }
  if (leftKind !== rightKind) throw new FunctionError('incompatible types for comparison');
  if (leftKind === 'bool') throw new FunctionError('invalid type for comparison');
  return (plain(left) ?? '') < (plain(right) ?? '');
}
