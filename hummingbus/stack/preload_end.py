"""Last import of the process that all groups are forked from: what is imported by now stays shared by the groups.

Imported by name in `group_process.py`, for its effect, and nowhere else. Objects that the collector does not visit are
not written to, so their pages are not copied (see `gc.freeze`).
"""

import gc

gc.collect()
gc.freeze()
