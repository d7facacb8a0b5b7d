/** A list that is left out when it is empty: engines show `null` for what was never asked for. */
export function unlessEmpty<T>(list: T[]): T[] | undefined {
  return list.length > 0 ? list : undefined;
}
