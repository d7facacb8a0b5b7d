// The versions of the Engine API that this engine serves.

export const NEWEST_API = '1.56';
export const OLDEST_API = '1.24';
