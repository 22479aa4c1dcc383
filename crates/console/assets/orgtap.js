// What the pages do.
