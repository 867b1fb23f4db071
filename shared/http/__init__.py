"""HTTP as the edge and the simulator serve it."""
