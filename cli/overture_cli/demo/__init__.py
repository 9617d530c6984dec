"""`overture demo`: the whole path from a file of dormant leads to answers, in a folder of its own."""
