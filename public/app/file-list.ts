/** The download folder, one folder at a time. */

import { arrange, element, find, setText } from "./element.ts";
import { bytesText, fullTimeText } from "./words.ts";

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
  #shown: string | undefined;

  constructor() {
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
      const headers = { accept: "application/json" };
      const response = await fetch(toUrl(folder), { headers });
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

/** Each name is escaped by itself: the page never trusts a name to be a path. */
function toUrl(path: string): string {
  return `files/${path.split("/").map(encodeURIComponent).join("/")}`;
}
