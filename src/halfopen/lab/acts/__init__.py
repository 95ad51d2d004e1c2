"""How faults act: the parts that the modules of `halfopen.lab.faults` are made of."""
