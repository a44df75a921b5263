//! What the memory tier holds, and when it is seen.
