// Go's text/template, as `--format` uses it.
import { type ExecuteOptions, execute } from './execute.ts';
import { functions, headerFunctions } from './functions.ts';
import { type ParsedTemplate, parseTemplate } from './parse.ts';
import type { Value } from './values.ts';

export class Template {
  readonly #parsed: ParsedTemplate;

  /** Throws TemplateError when the text isn't a template. */
  constructor(text: string, name = '') {
    this.#parsed = parseTemplate(name, text, fn => functions.has(fn));
  }

  execute(data: Value, options: Pick<ExecuteOptions, 'missingKeyIsError'> = {}): string {
    return execute(this.#parsed, data, { ...options, functions });
  }

  /** The header of a table: the same template over the columns' names. */
  executeHeader(header: Value): string {
    return execute(this.#parsed, header, { functions: headerFunctions });
  }
}
