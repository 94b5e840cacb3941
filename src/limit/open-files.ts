/** How many connections the operating system lets this process have. */

/** Where the system does not tell, or sets no bound. */
const unknownMax = 10_000;
const unlimitedMax = 1_000_000;

/**
 * The connections that fit the limit of open files: seven eighths of it. What is left is for
 * requests, downloads and the store. Bun raises the soft limit to the hard one as it starts.
 */
export function readConnectionsMax(): number {
  return toConnectionsMax(readOpenFilesMax());
}

/** As {@link readConnectionsMax}, of a limit that is known; null when it is not. */
export function toConnectionsMax(openFiles: number | null): number {
  const files = openFiles ?? unknownMax;
  return Math.max(1, Math.floor(Math.min(files, unlimitedMax) * 0.875));
}

function readOpenFilesMax(): number | null {
  const report: { userLimits?: { open_files?: { soft?: unknown } } } = Object(
    process.report?.getReport(),
  );
  const soft = report.userLimits?.open_files?.soft;
  if (soft === "unlimited") return Number.POSITIVE_INFINITY;
  return typeof soft === "number" && soft > 0 ? soft : null;
}
