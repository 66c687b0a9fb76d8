/** JSON with all its digits: `JSON.parse` alone rounds long numbers. */

/**
 * The value of a JSON text, in which numbers keep the digits that they have.
 * @param {string} text
 */
export function parse(text) {
  if (JSON.rawJSON === undefined) return JSON.parse(text); // an older browser
  return JSON.parse(text, (_, value, context) => {
    const isChanged = typeof value === "number" && String(value) !== context.source;
    return isChanged ? JSON.rawJSON(context.source) : value;
  });
}

/** The value as indented JSON. @param {unknown} value */
export function pretty(value) {
  return JSON.stringify(value, null, 2);
}
