// What this program is. The commit and the time are put in when an executable is built; from source there are none.

export const productName = 'Dockyard';
export const productVersion = '0.1.0';
export const gitCommit = process.env.DOCKYARD_GIT_COMMIT ?? '';
/** RFC 3339, or '' when run from source. */
export const buildTime = process.env.DOCKYARD_BUILD_TIME ?? '';
