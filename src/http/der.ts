/** DER, as far as a certificate needs it (ITU-T X.690). Every function returns one encoded value. */

/** A value with its tag, its length in the shortest form, and its content. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.concat([Buffer.of(tag, 0x80 + bytes.length, ...bytes), content]);
}

export function sequence(...contents: readonly Uint8Array[]): Buffer {
  return der(0x30, ...contents);
}

/** A positive integer given by its bytes, the most significant one below 0x80 and not 0. */
export function integer(bytes: Uint8Array): Buffer {
  return der(0x02, bytes);
}

/** An object identifier in dotted form. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...others] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of others) {
    const groups = [arc % 128];
    for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
      groups.unshift((rest % 128) + 128);
    }
    bytes.push(...groups);
  }
  return der(0x06, Buffer.from(bytes));
}

/** A bit string that fills its last byte but for `unusedBits`. */
export function bitString(content: Uint8Array, unusedBits = 0): Buffer {
  return der(0x03, Buffer.of(unusedBits), content);
}

export function octetString(content: Uint8Array): Buffer {
  return der(0x04, content);
}

export function utf8String(text: string): Buffer {
  return der(0x0c, Buffer.from(text));
}

export const derTrue = der(0x01, Buffer.of(0xff));

/** A second in UTC; RFC 5280, 4.1.2.5 wants this form for the years 1950 to 2049. */
export function utcTime(time: number): Buffer {
  const digits = new Date(time).toISOString().replace(/\D/g, "").slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

/** The same from the year 2050 on. */
export function generalizedTime(time: number): Buffer {
  const digits = new Date(time).toISOString().replace(/\D/g, "").slice(0, 14);
  return der(0x18, Buffer.from(`${digits}Z`));
}
