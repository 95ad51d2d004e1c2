"""The processes of `halfopen run`: a supervisor, one control process and the gateway workers."""
