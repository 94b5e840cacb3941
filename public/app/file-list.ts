/** The download folder, one folder at a time. */

import { arrange, element, find, setText } from "./element.ts";
import type { Session } from "./session.ts";
import { fetchAs } from "./token.ts";
import { bytesText, fullTimeText } from "./words.ts";

const blobKeptMs = 60_000; // until the browser has begun to save it, whatever it asks before

interface ListedFile {
  readonly name: string;
  readonly kind: "file" | "folder";
  readonly bytes?: number;
  readonly modifiedAt?: number;
}

/** Shows the folder's files. Nothing is fetched before the first `show`. */
export class FileList {
  readonly #path = find("files-path", HTMLElement);
  readonly #list = find("files-list", HTMLElement);
  readonly #hint = find("files-hint", HTMLElement);
  readonly #session: Session;
  readonly #onBarred: () => void;
  #shown: string | undefined;

  /** `onBarred` hears that the server shows nothing without a token. */
  constructor(session: Session, onBarred: () => void) {
    this.#session = session;
    this.#onBarred = onBarred;
    // The folder changes on the server's disk: coming back to the page looks again.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && this.#shown !== undefined) this.show();
    });
  }

  /** Fetches and shows a folder: names, each ending in a slash; the one shown last if absent. */
  async show(folder = this.#shown ?? ""): Promise<void> {
    const isFirst = this.#shown !== folder;
    this.#shown = folder;
    if (isFirst) setText(this.#hint, "Loading…");
    try {
      const { token } = this.#session.access;
      const response = await fetchAs(token, toUrl(folder), "application/json");
      if (response.status === 401) return this.#yield();
      if (!response.ok) throw new Error(String(response.status));
      const { entries }: { entries: ListedFile[] } = await response.json();
      if (this.#shown === folder) this.#render(folder, entries);
    } catch {
      if (this.#shown !== folder) return;
      arrange(this.#list, []);
      setText(this.#hint, "The files could not be listed. ");
      const retry = element("button", { type: "button", className: "quiet" }, "Try again");
      retry.onclick = () => this.show();
      this.#hint.append(retry);
    }
  }

  /** Nothing can be had here without a token, and then nowhere: the first page says so at once. */
  #yield(): void {
    arrange(this.#list, []);
    setText(this.#hint, "Shown to people with a token.");
    const { access } = this.#session;
    if (access.token === undefined && access.asking === undefined) this.#onBarred();
  }

  #render(folder: string, entries: readonly ListedFile[]): void {
    setText(this.#path, folder === "" ? "" : `/${folder}`);
    const items = entries.map((entry) => this.#item(folder, entry));
    if (folder !== "") items.unshift(this.#folderItem("..", folder.replace(/[^/]+\/$/, "")));
    arrange(this.#list, items);
    setText(this.#hint, entries.length > 0 ? "" : "Nothing to download here.");
  }

  #item(folder: string, { name, kind, bytes, modifiedAt }: ListedFile): HTMLElement {
    if (kind === "folder") return this.#folderItem(`${name}/`, `${folder}${name}/`);
    const link = element("a", { className: "item", href: toUrl(folder + name), target: "_blank" });
    link.rel = "noopener";
    if (modifiedAt !== undefined) link.title = `${name}, ${fullTimeText(modifiedAt)}`;
    link.onclick = (event) => {
      const { token } = this.#session.access;
      if (token === undefined) return;
      event.preventDefault();
      download(link, token, name).catch(() => {
        setText(this.#hint, `${name} could not be downloaded. Try again.`);
      });
    };
    link.append(element("span", { className: "label", dir: "auto" }, name));
    if (bytes !== undefined) link.append(element("span", { className: "meta" }, bytesText(bytes)));
    return element("li", {}, link);
  }

  #folderItem(label: string, target: string): HTMLElement {
    const button = element("button", { type: "button", className: "item" });
    button.append(element("span", { className: "label", dir: "auto" }, label));
    button.onclick = async () => {
      await this.show(target);
      this.#list.querySelector<HTMLElement>(".item")?.focus();
    };
    return element("li", {}, button);
  }
}

/**
 * Downloads with the token in a header. A link can send none, and a token in its address would stay
 * in the browser's list of downloads. A blob this large lies on the browser's disk, not in memory.
 */
async function download(link: HTMLAnchorElement, token: string, name: string): Promise<void> {
  if (link.getAttribute("aria-busy") === "true") return;
  link.setAttribute("aria-busy", "true");
  try {
    const response = await fetchAs(token, link.href);
    if (!response.ok) throw new Error(String(response.status));
    const href = URL.createObjectURL(await response.blob());
    element("a", { href, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(href), blobKeptMs);
  } finally {
    link.removeAttribute("aria-busy");
  }
}

/** Each name is escaped by itself: the page never trusts a name to be a path. */
function toUrl(path: string): string {
  return `files/${path.split("/").map(encodeURIComponent).join("/")}`;
}
