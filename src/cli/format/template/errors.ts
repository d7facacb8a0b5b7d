/** A template that can't be parsed, or failed while it ran; the message is Go's. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  /** What the template had printed before. */
  output = '';
}

/** What a function reports; the place where it was called is added around it. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';
}
