/** `partyline token`: prints a signed token, or explains one. */

import { resolve } from "node:path";
import { explainToken } from "../auth/explanation.ts";
import type { IssuerSettings } from "../auth/issuer.ts";
import { KeyError } from "../auth/key-error.ts";
import { readKeyFile, readSecretFile } from "../auth/key-file.ts";
import { readSigningKey, type SigningKey, signToken, toSigningKey } from "../auth/signing.ts";
import { TokenRefusal } from "../auth/token-refusal.ts";
import { type Config, ConfigError, readConfig } from "../config.ts";
import type { Arguments, Run } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { UsageError } from "./option.ts";
import type { Terminal } from "./terminal.ts";
import { createClaims } from "./token-claims.ts";

const inputBytesMax = 65_536;

/** Resolves to 1 when no token can be made, or the inspected one is not accepted; to 2 for flags. */
export const token: Run = async (given, terminal) => {
  try {
    const { environment, folder } = terminal;
    const { config } = readConfig({ flags: given.flags, environment, folder });
    return given.options.has("inspect")
      ? await inspect(given, config, terminal)
      : await make(given, config, terminal);
  } catch (error) {
    if (error instanceof ConfigError) {
      terminal.complain(`${error.message}\n`);
      const isUsage = error.problems.some(({ place }) => place === "flag");
      return isUsage ? exitCodes.usage : exitCodes.failed;
    }
    const isExpected =
      error instanceof UsageError || error instanceof KeyError || error instanceof TokenRefusal;
    if (!isExpected) throw error;
    terminal.complain(`${error.message}\n`);
    return error instanceof UsageError ? exitCodes.usage : exitCodes.failed;
  }
};

async function make(given: Arguments, config: Config, terminal: Terminal): Promise<number> {
  const { options } = given;
  const [path] = options.get("key") ?? [];
  const [name] = options.get("issuer") ?? [];
  const issuer = path === undefined ? findSigner(config.issuers, name) : config.issuers[0];
  const now = Date.now();
  const claims = createClaims(options, issuer, now);
  const key = path === undefined ? readSecret(issuer, terminal) : readKey(path, terminal);
  if (options.get("room") === undefined) {
    terminal.complain("No --room is given, so this token may do nothing in any room.\n");
  }
  terminal.write(`${await signToken(claims, key)}\n`);
  return exitCodes.ok;
}

async function inspect(given: Arguments, config: Config, terminal: Terminal): Promise<number> {
  const others = [...given.options.keys()].filter((name) => name !== "inspect");
  if (others.length > 0) throw new UsageError(`--inspect does not go with --${others[0]}.`);
  const [text = "", ...more] = given.options.get("inspect") ?? [];
  if (more.length > 0) throw new UsageError("--inspect can be given once.");
  const read = text === "-" ? await terminal.read(inputBytesMax) : text;
  const { explanation, warnings, isAccepted } = await explainToken(read.trim(), config, Date.now());
  for (const warning of warnings) terminal.complain(`${warning}\n`);
  terminal.write(explanation);
  return isAccepted ? exitCodes.ok : exitCodes.failed;
}

/** The issuer whose secret signs: the one that is named, or the first that has a secret. */
function findSigner(issuers: readonly IssuerSettings[], name: string | undefined) {
  const signers = issuers.filter(({ key }) => key.kind === "secret" || key.kind === "secret-file");
  const signer = signers.find(({ issuer }) => name === undefined || issuer === name) ?? signers[0];
  if (signer !== undefined) return signer;
  throw new KeyError(
    "There is no secret to sign with: give --token-secret-file, PARTYLINE_TOKEN_SECRET, or a " +
      "private key with --key.",
  );
}

function readSecret(issuer: IssuerSettings | undefined, terminal: Terminal): SigningKey {
  if (issuer?.key.kind === "secret") return toSigningKey(issuer.key.secret);
  if (issuer?.key.kind !== "secret-file") throw new KeyError("There is no secret to sign with.");
  const { secret, warning } = readSecretFile(issuer.key.path, "the secret of tokens");
  if (warning !== null) terminal.complain(`${warning}\n`);
  return toSigningKey(secret);
}

function readKey(given: string, terminal: Terminal): SigningKey {
  const path = resolve(terminal.folder, given);
  const { bytes, warning } = readKeyFile(path, "--key", true);
  if (warning !== null) terminal.complain(`${warning}\n`);
  return readSigningKey(new TextDecoder().decode(bytes), `${path} (--key)`);
}
