/** The field for the user's name, which says what is wrong with it. */

import { readUsername } from "../../src/protocol/field.ts";
import { limits } from "../../src/protocol/limits.ts";
import { element, setText } from "./element.ts";

/** A field with its label and its complaint. */
export interface NameField {
  readonly label: HTMLLabelElement;
  readonly input: HTMLInputElement;
  /** The name, or undefined when there is none that may be used; the field then says why. */
  check(): string | undefined;
}

/** Makes the field. `lengthMax` is the server's limit, in visible characters. */
export function createNameField(name: string): NameField {
  const input = element("input", { type: "text", value: name, autocomplete: "nickname" });
  const complaint = element("span", { className: "complaint", role: "alert" });
  const label = element("label", {}, "Your name", input, complaint);
  const check = () => {
    const failure = describeFailure(input.value);
    setText(complaint, failure ?? "");
    if (failure === undefined) return readUsername(input.value);
    input.focus();
    return undefined;
  };
  input.oninput = () => {
    // While typing only what can not become right by typing on is said.
    const isTooLong = [...input.value.trim()].length > limits.usernameLengthMax;
    setText(complaint, isTooLong ? (describeFailure(input.value) ?? "") : "");
  };
  return { label, input, check };
}

function describeFailure(value: string): string | undefined {
  const length = [...value.trim()].length;
  const { usernameLengthMax } = limits;
  if (length === 0) return "Write a name first: it stands before what you say.";
  if (length > usernameLengthMax) {
    return `That is ${length} characters; a name has at most ${usernameLengthMax}.`;
  }
  try {
    readUsername(value);
    return undefined;
  } catch {
    return "Please use visible characters only.";
  }
}
