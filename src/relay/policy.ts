// Numbers that both engines hold to.

/** While memory has run out, holders are looked at so often; so many looks without progress end one. */
export const PATIENCE_LOOK_MS = 1000;
export const PATIENCE_LOOKS = 10;

/** Bytes of a segment of the memory that copies to mirrors have. */
export const COPY_SEGMENT_SIZE = 16 * 1024;
