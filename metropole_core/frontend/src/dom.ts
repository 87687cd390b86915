// Small helpers for the document. Text is always set as text, never parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

type Child = Node | string | null | undefined;

/** Make an element: attributes by name (true is an empty attribute, null none), then children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | number | boolean | null> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child): child is Node | string => child != null));
  return element;
}

/** An icon of the page's sprite. */
export function icon(name: string, size = 20): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "i");
  svg.setAttribute("width", String(size));
  svg.setAttribute("height", String(size));
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  return setIcon(svg, name);
}

/** Turn an icon into another one. */
export function setIcon<E extends Element>(holder: E, name: string): E {
  holder.querySelector("use")?.setAttribute("href", `#i-${name}`);
  return holder;
}

/** Colours of names come as `data-hue`; the style sheet reads them as `--hue`. */
export function paint(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLElement>("[data-hue]")) {
    element.style.setProperty("--hue", element.dataset.hue ?? "0");
  }
}

/** Whether keys go into a text field rather than to the page. */
export function typing(event: KeyboardEvent): boolean {
  const target = event.target;
  return (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    (target instanceof HTMLElement &&
      (target.isContentEditable ||
        target instanceof HTMLTextAreaElement ||
        target instanceof HTMLSelectElement ||
        (target instanceof HTMLInputElement && target.type !== "range")))
  );
}
