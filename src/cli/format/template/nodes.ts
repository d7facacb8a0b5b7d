// A parsed template, and its text again for error messages.
import { quote } from './quote.ts';

export interface Place {
  /** Index into the source. */
  position: number;
  line: number;
}

export type Operand =
  | (Place & { kind: 'dot' })
  | (Place & { kind: 'nil' })
  | (Place & { kind: 'bool'; value: boolean })
  | (Place & { kind: 'string'; text: string; value: string })
  | (Place & { kind: 'number'; text: string; int?: bigint; float: number; isFloat: boolean })
  | (Place & { kind: 'field'; path: string[] })
  | (Place & { kind: 'variable'; name: string; path: string[] })
  | (Place & { kind: 'function'; name: string })
  | (Place & { kind: 'chain'; of: Operand; path: string[] })
  | PipeNode;

export interface CommandNode extends Place {
  kind: 'command';
  operands: Operand[];
}

export interface PipeNode extends Place {
  kind: 'pipe';
  variables: string[];
  assigns: boolean;
  commands: CommandNode[];
}

export type Statement =
  | (Place & { kind: 'text'; text: string })
  | (Place & { kind: 'action'; pipe: PipeNode })
  | (Place & { kind: 'if' | 'range' | 'with'; pipe: PipeNode; then: Statement[]; otherwise?: Statement[] })
  | (Place & { kind: 'template'; name: string; pipe?: PipeNode })
  | (Place & { kind: 'break' })
  | (Place & { kind: 'continue' });

export type Control = Extract<Statement, { pipe: PipeNode; then: Statement[] }>;

export type Operation = Operand | CommandNode;

export function operationText(node: Operation): string {
  switch (node.kind) {
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
    case 'bool':
      return String(node.value);
    case 'string':
    case 'number':
      return node.text;
    case 'field':
      return dotted(node.path);
    case 'variable':
      return node.name + dotted(node.path);
    case 'function':
      return node.name;
    case 'chain':
      return wrapped(node.of) + dotted(node.path);
    case 'command':
      return node.operands.map(wrapped).join(' ');
    case 'pipe': {
      const variables = node.variables.length > 0 ? `${node.variables.join(', ')} ${node.assigns ? '=' : ':='} ` : '';
      return variables + node.commands.map(operationText).join(' | ');
    }
  }
}

function dotted(path: readonly string[]): string {
  return path.map(name => `.${name}`).join('');
}

function wrapped(node: Operand): string {
  return node.kind === 'pipe' ? `(${operationText(node)})` : operationText(node);
}

/** A statement, or a part of one, as it stands in the template. */
export function statementText(node: Operation | Statement): string {
  switch (node.kind) {
    case 'action':
      return `{{${operationText(node.pipe)}}}`;
    case 'if':
    case 'with':
    case 'range':
      return `{{${node.kind} ${operationText(node.pipe)}}}`;
    case 'template':
      return `{{template ${quote(node.name)}${node.pipe ? ` ${operationText(node.pipe)}` : ''}}}`;
    case 'break':
    case 'continue':
      return `{{${node.kind}}}`;
    case 'text':
      return quote(node.text);
    default:
      return operationText(node);
  }
}
