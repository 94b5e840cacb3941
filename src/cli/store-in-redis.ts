/** What the commands about the store say where there is none, since Redis holds the rooms. */

/** For operators; two sentences without a line break at the end. */
export const storeInRedis =
  "The rooms are in Redis, since the key redis is set (PARTYLINE_REDIS_URL), and not in the data " +
  "folder. Redis' own tools verify and back up what it holds.";
