"""Files written by releases of Assay, and tests that every later one still reads them."""
