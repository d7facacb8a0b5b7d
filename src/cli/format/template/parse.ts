// Turns tokens into a tree. Messages are worded as Go words them: scripts and people know them.
import { TemplateError } from './errors.ts';
import { type Token, type TokenKind, tokenize, tokenText } from './lexer.ts';
import { type CommandNode, type Operand, operationText, type PipeNode, type Statement } from './nodes.ts';
import { parseNumber } from './numbers.ts';
import { quote, unquote } from './quote.ts';

export interface ParsedTemplate {
  name: string;
  source: string;
  body: Statement[];
  /** Templates that were defined inside, by name. */
  defined: Map<string, Statement[]>;
}

export function parseTemplate(name: string, source: string, hasFunction: (name: string) => boolean): ParsedTemplate {
  return new Parser(name, source, hasFunction).parse();
}

interface List {
  statements: Statement[];
  /** What ended it. */
  end: 'end' | 'else';
}

class Parser {
  readonly #tokens: Token[];
  readonly #defined = new Map<string, Statement[]>();
  #next = 0;
  #variables = ['$'];
  #ranges = 0;

  constructor(
    private readonly name: string,
    private readonly source: string,
    private readonly hasFunction: (name: string) => boolean,
  ) {
    this.#tokens = tokenize(source);
  }

  parse(): ParsedTemplate {
    const body: Statement[] = [];
    while (this.#peek().kind !== 'end') {
      if (this.#atDefinition()) {
        this.#definition();
        continue;
      }
      const statement = this.#textOrAction();
      if (statement === 'end' || statement === 'else') throw this.#error(`unexpected {{${statement}}}`);
      if (statement) body.push(statement);
    }
    return { name: this.name, source: this.source, body, defined: this.#defined };
  }

  // Tokens

  #peek(): Token {
    return this.#tokens[this.#next] ?? this.#tokens.at(-1)!;
  }

  #take(): Token {
    const token = this.#peek();
    if (this.#next < this.#tokens.length) this.#next++;
    return token;
  }

  #peekPastSpace(): Token {
    if (this.#peek().kind === 'space') this.#next++;
    return this.#peek();
  }

  #takePastSpace(): Token {
    this.#peekPastSpace();
    return this.#take();
  }

  #expect(kind: TokenKind, context: string): Token {
    const token = this.#takePastSpace();
    if (token.kind !== kind) throw this.#unexpected(token, context);
    return token;
  }

  #error(message: string, line = this.#tokens[Math.max(0, this.#next - 1)]?.line ?? 1): TemplateError {
    return new TemplateError(`template: ${this.name}:${line}: ${message}`);
  }

  #unexpected(token: Token, context: string): TemplateError {
    if (token.kind === 'error') return this.#error(token.text, token.line);
    return this.#error(`unexpected ${tokenText(token)} in ${context}`, token.line);
  }

  // Statements

  #atDefinition(): boolean {
    if (this.#peek().kind !== 'open') return false;
    const after = this.#tokens[this.#next + 1];
    const word = after?.kind === 'space' ? this.#tokens[this.#next + 2] : after;
    return word?.kind === 'keyword' && word.text === 'define';
  }

  #definition(): void {
    this.#take();
    this.#takePastSpace();
    const name = this.#templateName('define clause');
    this.#expect('close', 'define clause');
    this.#define(
      name,
      this.#ownScope(() => this.#listToEnd('define clause')),
    );
  }

  /** The body of another template sees none of this one's variables and loops. */
  #ownScope<T>(parse: () => T): T {
    const [variables, ranges] = [this.#variables, this.#ranges];
    this.#variables = ['$'];
    this.#ranges = 0;
    const result = parse();
    this.#variables = variables;
    this.#ranges = ranges;
    return result;
  }

  #define(name: string, body: Statement[]): void {
    const isEmpty = body.every(statement => statement.kind === 'text' && statement.text.trim() === '');
    const before = this.#defined.get(name);
    if (before !== undefined && isEmpty) return;
    this.#defined.set(name, body);
  }

  #listToEnd(context: string): Statement[] {
    const { statements, end } = this.#list();
    if (end === 'else') throw this.#error(`unexpected {{else}} in ${context}`);
    return statements;
  }

  #list(): List {
    const statements: Statement[] = [];
    while (this.#peek().kind !== 'end') {
      const statement = this.#textOrAction();
      if (statement === 'end' || statement === 'else') return { statements, end: statement };
      if (statement) statements.push(statement);
    }
    throw this.#error('unexpected EOF', this.#peek().line);
  }

  #textOrAction(): Statement | 'end' | 'else' | undefined {
    const token = this.#takePastSpace();
    if (token.kind === 'text') return { kind: 'text', text: token.text, position: token.position, line: token.line };
    if (token.kind === 'open') return this.#action();
    throw this.#unexpected(token, 'input');
  }

  #action(): Statement | 'end' | 'else' | undefined {
    const token = this.#peekPastSpace();
    const { position, line } = token;
    if (token.kind !== 'keyword') {
      // A variable that an action declares lives on to the end of the enclosing block.
      return { kind: 'action', pipe: this.#pipeline('command', 'close'), position, line };
    }
    this.#take();
    switch (token.text) {
      case 'if':
      case 'with':
      case 'range':
        return this.#control(token.text, token);
      case 'else':
        return this.#else();
      case 'end':
        this.#expect('close', 'end');
        return 'end';
      case 'break':
      case 'continue':
        if (this.#takePastSpace().kind !== 'close') throw this.#unexpected(this.#previous(), `{{${token.text}}}`);
        if (this.#ranges === 0) throw this.#error(`{{${token.text}}} outside {{range}}`);
        return { kind: token.text, position, line };
      case 'template':
        return this.#templateCall();
      case 'block':
        return this.#block(token);
      default:
        throw this.#unexpected(token, 'command');
    }
  }

  #previous(): Token {
    return this.#tokens[this.#next - 1]!;
  }

  #else(): 'else' {
    const next = this.#peekPastSpace();
    // "else if" and "else with" are read as a control of their own by the caller.
    if (next.kind === 'keyword' && (next.text === 'if' || next.text === 'with')) return 'else';
    this.#expect('close', 'else');
    return 'else';
  }

  #control(kind: 'if' | 'range' | 'with', place: Token): Statement {
    const depth = this.#variables.length;
    const pipe = this.#pipeline(kind, 'close');
    if (kind === 'range') this.#ranges++;
    const { statements: then, end } = this.#list();
    if (kind === 'range') this.#ranges--;
    let otherwise: Statement[] | undefined;
    if (end === 'else') {
      const next = this.#peek();
      if (next.kind === 'keyword' && (next.text === 'if' || next.text === 'with')) {
        if (next.text !== kind) throw this.#unexpected(next, 'else');
        this.#take();
        otherwise = [this.#control(next.text, next)];
      } else {
        const rest = this.#list();
        if (rest.end === 'else') throw this.#error('expected end; found {{else}}');
        otherwise = rest.statements;
      }
    }
    this.#variables.length = depth;
    return { kind, pipe, then, otherwise, position: place.position, line: place.line };
  }

  #templateName(context: string): string {
    const token = this.#takePastSpace();
    const name = token.kind === 'string' ? unquote(token.text) : undefined;
    if (name === undefined) throw this.#unexpected(token, context);
    return name;
  }

  #templateCall(): Statement {
    const { position, line } = this.#peekPastSpace();
    const name = this.#templateName('template clause');
    let pipe: PipeNode | undefined;
    if (this.#peekPastSpace().kind === 'close') this.#take();
    else pipe = this.#pipeline('template clause', 'close');
    return { kind: 'template', name, pipe, position, line };
  }

  #block({ position, line }: Token): Statement {
    const name = this.#templateName('block clause');
    const pipe = this.#pipeline('block clause', 'close');
    this.#define(
      name,
      this.#ownScope(() => this.#listToEnd('block clause')),
    );
    return { kind: 'template', name, pipe, position, line };
  }

  // Pipelines

  #pipeline(context: string, end: 'close' | 'rightParen'): PipeNode {
    const { position, line } = this.#peekPastSpace();
    const pipe: PipeNode = { kind: 'pipe', variables: [], assigns: false, commands: [], position, line };
    this.#declarations(pipe, context);
    for (;;) {
      const token = this.#peekPastSpace();
      if (token.kind === end) {
        this.#take();
        this.#checkPipeline(pipe, context);
        return pipe;
      }
      if (token.kind === 'error' || !startsOperand.has(token.kind)) throw this.#unexpected(this.#take(), context);
      pipe.commands.push(this.#command());
    }
  }

  #declarations(pipe: PipeNode, context: string): void {
    const start = this.#next;
    const names: string[] = [];
    while (this.#peekPastSpace().kind === 'variable') {
      names.push(this.#take().text);
      const next = this.#peekPastSpace();
      if (next.kind === 'declare' || next.kind === 'assign') {
        this.#take();
        pipe.assigns = next.kind === 'assign';
        if (!pipe.assigns) this.#variables.push(...names);
        pipe.variables = names;
        return;
      }
      if (next.kind !== 'comma') break;
      if (context !== 'range' || names.length > 1) throw this.#error(`too many declarations in ${context}`);
      this.#take();
      const second = this.#peekPastSpace();
      if (second.kind !== 'variable') throw this.#error('range can only initialize variables');
    }
    // It was an ordinary operand after all.
    this.#next = start;
  }

  #checkPipeline(pipe: PipeNode, context: string): void {
    if (pipe.commands.length === 0) throw this.#error(`missing value for ${context}`);
    for (const [index, command] of pipe.commands.entries()) {
      if (index === 0) continue;
      const first = command.operands[0]!.kind;
      if (first === 'bool' || first === 'dot' || first === 'nil' || first === 'number' || first === 'string') {
        throw this.#error(`non executable command in pipeline stage ${index + 1}`);
      }
    }
  }

  #command(): CommandNode {
    const { position, line } = this.#peekPastSpace();
    const command: CommandNode = { kind: 'command', operands: [], position, line };
    for (;;) {
      this.#peekPastSpace();
      const operand = this.#operand();
      if (operand) command.operands.push(operand);
      const token = this.#take();
      if (token.kind === 'space') continue;
      if (token.kind === 'close' || token.kind === 'rightParen') {
        this.#next--;
        break;
      }
      if (token.kind === 'pipe') {
        break;
      }
      throw this.#unexpected(token, 'operand');
    }
    if (command.operands.length === 0) throw this.#error('empty command');
    return command;
  }

  #operand(): Operand | undefined {
    const operand = this.#term();
    if (!operand || this.#peek().kind !== 'field') return operand;
    // Go reports a path from where its second name stands.
    const place = { position: this.#peek().position, line: this.#peek().line };
    const path: string[] = [];
    while (this.#peek().kind === 'field') path.push(this.#take().text.slice(1));
    switch (operand.kind) {
      case 'field':
        return { ...operand, ...place, path: [...operand.path, ...path] };
      case 'variable':
        return { ...operand, ...place, path };
      case 'bool':
      case 'dot':
      case 'nil':
      case 'number':
      case 'string':
        throw this.#error(`unexpected . after term ${quote(operationText(operand))}`);
      default:
        return { kind: 'chain', of: operand, path, ...place };
    }
  }

  #term(): Operand | undefined {
    const token = this.#peek();
    const { position, line, text } = token;
    const place = { position, line };
    switch (token.kind) {
      case 'identifier':
        this.#take();
        if (!this.hasFunction(text)) throw this.#error(`function ${quote(text)} not defined`);
        return { kind: 'function', name: text, ...place };
      case 'dot':
      case 'nil':
        this.#take();
        return { kind: token.kind, ...place };
      case 'bool':
        this.#take();
        return { kind: 'bool', value: text === 'true', ...place };
      case 'variable':
        this.#take();
        if (!this.#variables.includes(text)) throw this.#error(`undefined variable ${quote(text)}`);
        return { kind: 'variable', name: text, path: [], ...place };
      case 'field':
        this.#take();
        return { kind: 'field', path: [text.slice(1)], ...place };
      case 'char':
      case 'number': {
        this.#take();
        const number = parseNumber(text);
        if (typeof number === 'string') throw this.#error(number);
        return { kind: 'number', text, ...number, ...place };
      }
      case 'string': {
        this.#take();
        const value = unquote(text);
        if (value === undefined) throw this.#error('invalid syntax');
        return { kind: 'string', text, value, ...place };
      }
      case 'leftParen':
        this.#take();
        return this.#pipeline('parenthesized pipeline', 'rightParen');
      default:
        return undefined;
    }
  }
}

const startsOperand = new Set<TokenKind>([
  'bool',
  'char',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'string',
  'variable',
  'leftParen',
]);
