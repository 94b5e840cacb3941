/** The name and version by which the program presents itself. */

import packageJson from "../package.json" with { type: "json" };

/** The version in package.json, fixed into the executable when it is built. */
export const version: string = packageJson.version;
