// How the API's filters compare text.

/** "key", or "key=value". */
export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals < 0) return wanted in labels;
  return labels[wanted.slice(0, equals)] === wanted.slice(equals + 1);
}

/** A part of the text, or a regular expression that matches some of it. */
export function matchesPattern(text: string, pattern: string): boolean {
  if (text.includes(pattern)) return true;
  try {
    return new RegExp(pattern).test(text);
  } catch (error) {
    // What is no pattern can still be a name.
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
