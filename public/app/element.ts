/** Elements of the page: made, found, filled and put in order, without ever parsing markup. */

type Child = Node | string | undefined;

/**
 * Makes an element. Each of `properties` is set as a property if the element has it, else as an
 * attribute; undefined ones are left out. Text children become text, whatever signs they hold.
 */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Record<string, unknown> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (name in made) Reflect.set(made, name, value);
    else made.setAttribute(name, String(value));
  }
  for (const child of children) if (child !== undefined) made.append(child);
  return made;
}

/** Finds an element of the page's own markup. @throws Error when it is not there or of another kind */
export function find<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`The page has no ${kind.name} #${id}`);
}

/** Sets an element's text, and touches nothing if it is that already. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * Makes `children` the children of `parent`, in this order. Those that stay are not moved, so that
 * selections, focus and scroll positions in them survive.
 */
export function arrange(parent: Element, children: readonly Element[]): void {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  let next = parent.firstElementChild;
  for (const child of children) {
    if (child === next) next = child.nextElementSibling;
    else parent.insertBefore(child, next);
  }
}
