// Go checks the types of what is given to a function, constants before anything else.
import { type Operand, operationText } from './nodes.ts';
import { GoSlice, type Parameter, typeName, type Value } from './values.ts';

const goType: Record<Parameter, string> = { any: 'interface {}', string: 'string', int: 'int', strings: '[]string' };

/** What is wrong with a constant as an argument; undefined for all other operands. */
export function problemWithConstant(operand: Operand, parameter: Parameter): string | undefined {
  const { kind } = operand;
  if (parameter === 'string' && (kind === 'number' || kind === 'bool')) {
    return `expected string; found ${operationText(operand)}`;
  }
  const isConstant = kind === 'string' || kind === 'bool' || kind === 'number';
  if (parameter === 'strings' && isConstant) {
    return `can't handle ${operationText(operand)} for arg of type ${goType.strings}`;
  }
  const isInt = kind === 'number' && operand.int !== undefined;
  if (parameter === 'int' && isConstant && !isInt) {
    return `expected integer; found ${operationText(operand)}`;
  }
  return kind === 'nil' && parameter !== 'any' ? `cannot assign nil to ${goType[parameter]}` : undefined;
}

export function problemWith(value: Value, parameter: Parameter): string | undefined {
  if (parameter === 'any' || hasType(value, parameter)) return undefined;
  if (value === undefined) return `invalid value; expected ${goType[parameter]}`;
  return `wrong type for value; expected ${goType[parameter]}; got ${typeName(value)}`;
}

function hasType(value: Value, parameter: Parameter): boolean {
  switch (parameter) {
    case 'any':
      return true;
    case 'string':
      return typeof value === 'string';
    case 'int':
      return typeof value === 'bigint';
    case 'strings':
      // Nothing is as good as a nil slice.
      return value === undefined || (value instanceof GoSlice && value.type === '[]string');
  }
}
