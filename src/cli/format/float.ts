// How Go prints floating-point numbers.

/** Shortest numbers have an exponent from here on: 1e+06. */
const SHORTEST_LIMIT = 6;

/** Go's %e with a fixed number of digits, or the fewest that are exact: exponents have two digits or more. */
export function exponential(value: number, digits?: number): string {
  return value.toExponential(digits).replace(/e([+-])(\d)$/, 'e$10$2');
}

/** Go's %g: the fewest digits that are exact, or `digits` of them; with an exponent where Go uses one. */
export function general(value: number, digits?: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const wanted = digits === undefined ? undefined : Math.max(digits, 1) - 1;
  const scientific = exponential(value, wanted);
  const [mantissa = '', exponentText = '0'] = scientific.split('e');
  const exponent = Number(exponentText);
  const threshold = digits === undefined ? SHORTEST_LIMIT : Math.max(digits, 1);
  if (exponent < -4 || exponent >= threshold) {
    const trimmed = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
    return `${trimmed}e${exponentText}`;
  }
  const precision = digits === undefined ? mantissa.replace(/[-.]/g, '').length : Math.max(digits, 1);
  const fixed = value.toFixed(Math.max(0, Math.min(100, precision - 1 - exponent)));
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed;
}

/** Go's %x: 1.5 is 0x1.8p+00. */
export function hexadecimal(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0x0p+00' : '0x0p+00';
  let exponent = 0;
  let mantissa = Math.abs(value);
  for (; mantissa >= 2; mantissa /= 2) exponent++;
  for (; mantissa < 1; mantissa *= 2) exponent--;
  const sign = exponent < 0 ? '-' : '+';
  return `${value < 0 ? '-' : ''}0x${mantissa.toString(16)}p${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
}
