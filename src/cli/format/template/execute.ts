// Runs a parsed template over a value.
import { problemWith, problemWithConstant } from './arguments.ts';
import { FunctionError, TemplateError } from './errors.ts';
import type { FunctionTable } from './functions.ts';
import {
  type CommandNode,
  type Control,
  type Operand,
  type Operation,
  operationText,
  type PipeNode,
  type Statement,
  statementText,
} from './nodes.ts';
import type { ParsedTemplate } from './parse.ts';
import { formatIndirect, formatValue } from './print.ts';
import { quote } from './quote.ts';
import {
  GoFunction,
  GoMap,
  GoSlice,
  GoStruct,
  isTrue,
  NilPointer,
  noMember,
  type Parameter,
  typeName,
  type Value,
} from './values.ts';

export interface ExecuteOptions {
  functions: FunctionTable;
  /** A map without the key is an error instead of "<no value>". */
  missingKeyIsError?: boolean;
}

export function execute(template: ParsedTemplate, data: Value, options: ExecuteOptions): string {
  const execution = new Execution(template, options, template.name, 0);
  try {
    execution.run(template.body, data);
  } catch (error) {
    if (error instanceof TemplateError) error.output = execution.output;
    throw error;
  }
  return execution.output;
}

const MAX_DEPTH = 1000;

type Flow = 'next' | 'break' | 'continue';

interface Variable {
  name: string;
  value: Value;
}

/** Marks a call that has no piped value: `undefined` is a value too. */
const noFinal = Symbol('no piped value');
type Final = Value | typeof noFinal;

class Execution {
  output = '';
  #variables: Variable[] = [];
  #at: Operation | Statement | undefined;

  constructor(
    private readonly template: ParsedTemplate,
    private readonly options: ExecuteOptions,
    private readonly name: string,
    private readonly depth: number,
  ) {}

  run(body: readonly Statement[], data: Value): void {
    this.#variables = [{ name: '$', value: data }];
    this.#list(body, data);
  }

  #error(message: string): TemplateError {
    const node = this.#at;
    if (!node) return new TemplateError(`template: ${this.template.name}: ${message}`);
    const { source } = this.template;
    const column = Buffer.byteLength(source.slice(source.lastIndexOf('\n', node.position - 1) + 1, node.position));
    const where = `${this.template.name}:${node.line}:${column}`;
    return new TemplateError(
      `template: ${where}: executing ${quote(this.name)} at <${statementText(node)}>: ${message}`,
    );
  }

  // Statements

  #list(statements: readonly Statement[], dot: Value): Flow {
    for (const statement of statements) {
      const flow = this.#statement(statement, dot);
      if (flow !== 'next') return flow;
    }
    return 'next';
  }

  #statement(statement: Statement, dot: Value): Flow {
    this.#at = statement;
    switch (statement.kind) {
      case 'text':
        this.output += statement.text;
        return 'next';
      case 'action': {
        const value = this.#pipeline(statement.pipe, dot);
        if (statement.pipe.variables.length === 0) this.#print(statement, value);
        return 'next';
      }
      case 'if':
      case 'with': {
        const scope = this.#variables.length;
        const value = this.#pipeline(statement.pipe, dot);
        const inner = statement.kind === 'with' ? value : dot;
        const flow = isTrue(value) ? this.#list(statement.then, inner) : this.#list(statement.otherwise ?? [], dot);
        this.#variables.length = scope;
        return flow;
      }
      case 'range':
        return this.#range(statement, dot);
      case 'template':
        this.#call(statement, dot);
        return 'next';
      case 'break':
      case 'continue':
        return statement.kind;
    }
  }

  #print(statement: Statement, value: Value): void {
    this.#at = statement;
    if (value instanceof GoFunction) throw this.#error(`can't print ${statementText(statement)} of type func()`);
    this.output += value === undefined ? '<no value>' : formatIndirect(value);
  }

  #range(statement: Control, dot: Value): Flow {
    const scope = this.#variables.length;
    const value = this.#pipeline(statement.pipe, dot);
    const mark = this.#variables.length;
    let ranAny = false;
    for (const [key, item] of this.#elements(value)) {
      ranAny = true;
      this.#setLoopVariables(statement.pipe, key, item);
      const flow = this.#list(statement.then, item);
      this.#variables.length = mark;
      if (flow === 'break') break;
    }
    const flow = ranAny ? 'next' : this.#list(statement.otherwise ?? [], dot);
    this.#variables.length = scope;
    return flow;
  }

  #elements(value: Value): Iterable<[Value, Value]> {
    if (value === undefined) return [];
    if (value instanceof GoSlice) return value.items.map((item, i): [Value, Value] => [BigInt(i), item]);
    if (value instanceof GoMap) return value.sortedKeys().map((key): [Value, Value] => [key, value.entries.get(key)]);
    if (typeof value === 'bigint') return count(value);
    if (typeof value === 'string') throw this.#error(`range can't iterate over ${value}`);
    throw this.#error(`range can't iterate over ${formatValue(value)}`);
  }

  #setLoopVariables(pipe: PipeNode, key: Value, item: Value): void {
    const [first, second] = pipe.variables;
    if (first === undefined) return;
    if (pipe.assigns) {
      this.#assign(first, second === undefined ? item : key);
      if (second !== undefined) this.#assign(second, item);
      return;
    }
    // The pipeline has declared them on top of the stack.
    const top = this.#variables.length;
    if (second === undefined) this.#variables[top - 1]!.value = item;
    else {
      this.#variables[top - 2]!.value = key;
      this.#variables[top - 1]!.value = item;
    }
  }

  #call(statement: Statement & { kind: 'template' }, dot: Value): void {
    const body = this.template.defined.get(statement.name);
    if (!body) throw this.#error(`template ${quote(statement.name)} not defined`);
    if (this.depth >= MAX_DEPTH) throw this.#error(`exceeded maximum template depth (${MAX_DEPTH})`);
    const data = statement.pipe ? this.#pipeline(statement.pipe, dot) : undefined;
    const inner = new Execution(this.template, this.options, statement.name, this.depth + 1);
    inner.run(body, data);
    this.output += inner.output;
  }

  // Variables

  #assign(name: string, value: Value): void {
    const variable = this.#variables.findLast(candidate => candidate.name === name);
    if (!variable) throw this.#error(`undefined variable: ${name}`);
    variable.value = value;
  }

  #variable(name: string): Value {
    const variable = this.#variables.findLast(candidate => candidate.name === name);
    if (!variable) throw this.#error(`undefined variable: ${name}`);
    return variable.value;
  }

  // Pipelines

  #pipeline(pipe: PipeNode, dot: Value): Value {
    this.#at = pipe;
    let value: Final = noFinal;
    for (const command of pipe.commands) value = this.#command(command, dot, value);
    const result = value === noFinal ? undefined : value;
    for (const name of pipe.variables) {
      if (pipe.assigns) this.#assign(name, result);
      else this.#variables.push({ name, value: result });
    }
    return result;
  }

  #command(command: CommandNode, dot: Value, final: Final): Value {
    const first = command.operands[0]!;
    switch (first.kind) {
      case 'field':
        this.#at = first;
        return this.#path(first, dot, dot, first.path, command.operands, final);
      case 'chain':
        this.#at = first;
        return this.#path(first, dot, this.#operand(first.of, dot), first.path, command.operands, final);
      case 'variable':
        this.#at = first;
        if (first.path.length === 0) {
          this.#noArguments(command, final);
          return this.#variable(first.name);
        }
        return this.#path(first, dot, this.#variable(first.name), first.path, command.operands, final);
      case 'function':
        this.#at = first;
        return this.#function(first.name, command, dot, command.operands, final);
      case 'pipe':
        this.#noArguments(command, final);
        return this.#pipeline(first, dot);
      default:
        this.#at = first;
        this.#noArguments(command, final);
        if (first.kind === 'nil') throw this.#error('nil is not a command');
        return this.#operand(first, dot);
    }
  }

  #noArguments(command: CommandNode, final: Final): void {
    if (command.operands.length > 1 || final !== noFinal) {
      throw this.#error(`can't give argument to non-function ${operationText(command.operands[0]!)}`);
    }
  }

  #operand(operand: Operand, dot: Value): Value {
    this.#at = operand;
    switch (operand.kind) {
      case 'dot':
        return dot;
      case 'nil':
        return undefined;
      case 'bool':
      case 'string':
        return operand.value;
      case 'number':
        return operand.isFloat ? operand.float : operand.int;
      case 'field':
        return this.#path(operand, dot, dot, operand.path, [operand], noFinal);
      case 'variable':
        return this.#path(operand, dot, this.#variable(operand.name), operand.path, [operand], noFinal);
      case 'chain':
        return this.#path(operand, dot, this.#operand(operand.of, dot), operand.path, [operand], noFinal);
      case 'function':
        return this.#function(operand.name, operand, dot, [operand], noFinal);
      case 'pipe':
        return this.#pipeline(operand, dot);
    }
  }

  /** Follows names from a value; the last one may be a method that takes the command's arguments. */
  #path(
    node: Operand,
    dot: Value,
    start: Value,
    path: readonly string[],
    operands: readonly Operand[],
    final: Final,
  ): Value {
    let value = start;
    let type = typeName(value);
    for (const [index, name] of path.entries()) {
      const isLast = index === path.length - 1;
      const from = value;
      value = this.#field(node, dot, name, isLast ? operands : [], isLast ? final : noFinal, value, type);
      if (isLast) break;
      const isUntyped = from instanceof GoMap && from.type.endsWith('interface {}');
      if (isUntyped && value === undefined && from.entries.has(name)) {
        throw this.#error(`nil pointer evaluating interface {}.${path[index + 1]}`);
      }
      type = isUntyped ? 'interface {}' : typeName(value);
    }
    return value;
  }

  #field(
    node: Operand,
    dot: Value,
    name: string,
    operands: readonly Operand[],
    final: Final,
    receiver: Value,
    type: string,
  ): Value {
    const hasArguments = operands.length > 1 || final !== noFinal;
    if (receiver === undefined) {
      if (this.options.missingKeyIsError) throw this.#error(`nil data; no entry for key ${quote(name)}`);
      return undefined;
    }
    if (receiver instanceof NilPointer) throw this.#error(`nil pointer evaluating ${receiver.type}.${name}`);
    if (receiver instanceof GoStruct) {
      const member = receiver.member(name);
      if (member instanceof GoFunction) return this.#invoke(member, name, node, dot, operands, final);
      if (member !== noMember) {
        if (hasArguments) throw this.#error(`${name} has arguments but cannot be invoked as function`);
        return member;
      }
    }
    if (receiver instanceof GoMap) {
      if (hasArguments) throw this.#error(`${name} is not a method but has arguments`);
      const value = receiver.entries.get(name);
      if (value === undefined && this.options.missingKeyIsError && !receiver.entries.has(name)) {
        throw this.#error(`map has no entry for key ${quote(name)}`);
      }
      return value;
    }
    throw this.#error(`can't evaluate field ${name} in type ${type}`);
  }

  // Calls

  #function(name: string, node: Operation, dot: Value, operands: readonly Operand[], final: Final): Value {
    const fn = this.options.functions.get(name);
    if (!fn) throw this.#error(`${quote(name)} is not a defined function`);
    if (name === 'and' || name === 'or') return this.#shortCircuit(fn, node, dot, operands, final);
    return this.#invoke(fn, name, node, dot, operands, final);
  }

  #shortCircuit(fn: GoFunction, node: Operation, dot: Value, operands: readonly Operand[], final: Final): Value {
    const total = operands.length - 1 + (final === noFinal ? 0 : 1);
    if (total < 1) throw this.#error(`wrong number of args for ${fn.name}: want at least 1 got 0`);
    let value: Value;
    for (const operand of operands.slice(1)) {
      value = this.#argument(operand, 'any', dot);
      if (isTrue(value) === (fn.name === 'or')) return value;
    }
    this.#at = node;
    return final === noFinal ? value : final;
  }

  #invoke(
    fn: GoFunction,
    name: string,
    node: Operation,
    dot: Value,
    operands: readonly Operand[],
    final: Final,
  ): Value {
    const total = operands.length > 0 ? operands.length - 1 + (final === noFinal ? 0 : 1) : 0;
    const fixed = fn.variadic ? fn.parameters.length - 1 : fn.parameters.length;
    if (fn.variadic ? total < fixed : total !== fixed) {
      const wanted = fn.variadic ? `at least ${fixed}` : fixed;
      throw this.#error(`wrong number of args for ${name}: want ${wanted} got ${total}`);
    }
    const parameterAt = (index: number): Parameter => fn.parameters[Math.min(index, fn.parameters.length - 1)] ?? 'any';
    const args = operands.slice(1).map((operand, index) => this.#argument(operand, parameterAt(index), dot));
    if (final !== noFinal) args.push(this.#checked(final, parameterAt(total - 1)));
    try {
      return fn.call(...args);
    } catch (error) {
      if (!(error instanceof FunctionError)) throw error;
      this.#at = node;
      throw this.#error(`error calling ${name}: ${error.message}`);
    }
  }

  #argument(operand: Operand, parameter: Parameter, dot: Value): Value {
    this.#at = operand;
    const problem = problemWithConstant(operand, parameter);
    if (problem !== undefined) throw this.#error(problem);
    if (parameter === 'int' && operand.kind === 'number') return operand.int;
    return this.#checked(this.#operand(operand, dot), parameter);
  }

  #checked(value: Value, parameter: Parameter): Value {
    const problem = problemWith(value, parameter);
    if (problem !== undefined) throw this.#error(problem);
    return value;
  }
}

function* count(limit: bigint): Iterable<[Value, Value]> {
  for (let i = 0n; i < limit; i++) yield [i, i];
}
