/** What was asked and answered, out of the JSON of the providers' formats. */

/**
 * What was sent: each turn with who spoke. Empty where the format isn't known.
 * @param {any} request
 * @returns {{role: string, text: string}[]}
 */
export function asked(request) {
  const turns = [];
  const system = request?.system ?? request?.instructions ?? request?.systemInstruction;
  if (system) turns.push({ role: "system", text: textOf(system) });
  for (const said of [request?.messages, request?.input, request?.contents, request?.prompt]) {
    for (const each of Array.isArray(said) ? said : said ? [said] : []) {
      turns.push({ role: each?.role ?? "user", text: textOf(each) });
    }
  }
  return turns.filter(({ text }) => text !== "");
}

/**
 * What was answered; empty where the format isn't known.
 * @param {any} response
 * @returns {string}
 */
export function answered(response) {
  const found = [
    response?.choices?.map((choice) => textOf(choice?.message ?? choice)),
    textOf(response?.content),
    textOf(response?.message),
    response?.output && textOf(response.output),
    response?.candidates?.map((candidate) => textOf(candidate?.content)),
    textOf(response?.completion),
    textOf(response?.response),
  ];
  return found.flat().find((text) => text) ?? "";
}

/** The texts in a piece of a conversation: `content`, `parts` and `text`, however deep. */
function textOf(piece) {
  if (typeof piece === "string") return piece;
  if (Array.isArray(piece)) return piece.map(textOf).filter(Boolean).join("\n");
  if (piece === null || typeof piece !== "object") return "";
  return textOf(piece.content ?? piece.parts ?? piece.text);
}
