// `--format` of commands that print one thing: json, or a template.
import { ExitError } from '../framework/errors.ts';
import { TemplateError } from './template/errors.ts';
import { Template } from './template/template.ts';
import type { Value } from './template/values.ts';

/** A template that isn't one ends the command with this. */
const EXIT_USAGE = 64;

export interface Printed {
  text: string;
  /** The template failed after it had printed the text. */
  problem?: Error;
}

export class OneTemplate {
  readonly #template: Template;

  constructor(format: string, name = '') {
    try {
      this.#template = new Template(format === 'json' ? '{{json .}}' : format, name);
    } catch (error) {
      if (error instanceof TemplateError) throw new ExitError(EXIT_USAGE, `template parsing error: ${error.message}`);
      throw error;
    }
  }

  print(value: Value): Printed {
    try {
      return { text: this.#template.execute(value) };
    } catch (error) {
      if (error instanceof TemplateError) return { text: error.output, problem: error };
      throw error;
    }
  }
}
