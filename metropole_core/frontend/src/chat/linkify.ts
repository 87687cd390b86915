// Where links and mentions are in a message. Only http and https become links.

export type Piece =
  | { kind: "text"; text: string }
  | { kind: "link"; text: string; href: string }
  | { kind: "mention"; text: string; name: string };

const TOKEN = /https?:\/\/[^\s<>"'`]+|(?<![\p{L}\p{N}_@/.])@[\p{L}\p{N}_]{1,40}/giu;
const CLOSING: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

/** Cut a message into text, links and mentions. Joined, the pieces' texts are the message. */
export function pieces(message: string): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  for (const match of message.matchAll(TOKEN)) {
    const token = match[0].startsWith("@") ? match[0] : trimmed(match[0]);
    const piece = token.startsWith("@")
      ? ({ kind: "mention", text: token, name: token.slice(1) } as const)
      : link(token);
    if (piece === null) continue;
    if (match.index > at) found.push({ kind: "text", text: message.slice(at, match.index) });
    found.push(piece);
    at = match.index + token.length;
  }
  if (at < message.length) found.push({ kind: "text", text: message.slice(at) });
  return found;
}

function link(text: string): Piece | null {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return null;
  }
  if (!/^https?:$/.test(url.protocol) || url.username || url.password) return null;
  return { kind: "link", text, href: url.href };
}

/** A full stop after a link ends the sentence, not the link; a bracket is its own only in pairs. */
function trimmed(url: string): string {
  let end = url.length;
  for (; end > 0; end--) {
    const last = url[end - 1] ?? "";
    const opening = CLOSING[last];
    if (opening !== undefined) {
      const inside = url.slice(0, end);
      if (inside.split(last).length <= inside.split(opening).length) break;
    } else if (!/[.,:;!?…*_~]/.test(last)) break;
  }
  return url.slice(0, end);
}

/** Whether a message speaks to one of these names. */
export function mentions(found: readonly Piece[], names: readonly string[]): boolean {
  const wanted = new Set(names.filter(Boolean).map((name) => name.toLowerCase()));
  return found.some((piece) => piece.kind === "mention" && wanted.has(piece.name.toLowerCase()));
}
