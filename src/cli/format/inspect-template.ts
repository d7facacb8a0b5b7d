// `inspect --format TEMPLATE`: first over the object as Go clients know it; what they don't know, over its plain JSON.
import { ExitError } from '../framework/errors.ts';
import type { Found } from './inspect.ts';
import { escapeHtml } from './row-template.ts';
import { decode } from './shapes/shape.ts';
import { TemplateError } from './template/errors.ts';
import { parseJson, toJson } from './template/json.ts';
import { Template } from './template/template.ts';

/** A template that isn't one ends the command with this. */
const EXIT_USAGE = 64;

/** The object's JSON with the fields of its shape, in their order. */
export async function typedJson({ raw, shape }: Found): Promise<string> {
  const json = parseJson(raw);
  return escapeHtml(toJson(shape ? decode(await shape(), json) : json));
}

export class InspectTemplate {
  readonly #template: Template;
  #text = '';

  constructor(format: string) {
    try {
      this.#template = new Template(format);
    } catch (error) {
      if (error instanceof TemplateError) throw new ExitError(EXIT_USAGE, `template parsing error: ${error.message}`);
      throw error;
    }
  }

  async add({ raw, shape, typedOnly, complete }: Found): Promise<void> {
    const json = parseJson(raw);
    const plain = () => this.#execute(() => this.#template.execute(json, { missingKeyIsError: true }), false);
    if (!shape) {
      this.#text += `${plain()}\n`;
      return;
    }
    const typed = decode(await shape(), complete ? (await complete())(json) : json);
    try {
      this.#text += `${this.#execute(() => this.#template.execute(typed), !typedOnly)}\n`;
    } catch (error) {
      if (!(error instanceof FallBack)) throw error;
      this.#text += `${plain()}\n`;
    }
  }

  text(): string {
    return this.#text === '' ? '\n' : this.#text;
  }

  #execute(act: () => string, canFallBack: boolean): string {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      throw canFallBack ? new FallBack() : new Error(`template parsing error: ${error.message}`);
    }
  }
}

/** The typed object doesn't have what the template asks for. */
class FallBack extends Error {}
