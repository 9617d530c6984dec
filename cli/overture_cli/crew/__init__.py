"""`overture crew ...`: how runs are started, watched and shown."""
