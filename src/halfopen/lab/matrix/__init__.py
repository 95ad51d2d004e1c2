"""The judge: every client, provider, fault and point of failure, through a gateway.

`plan` lists the cases, `sample` takes a part of them, `run_table` plays them, `judge` gives one its
verdict. Needs the official clients (extra `lab`), each only for the rows that it asks in.
"""

from halfopen.lab.matrix.case import Case, Times, plan
from halfopen.lab.matrix.evidence import Evidence, Judgement
from halfopen.lab.matrix.row import Result, Row
from halfopen.lab.matrix.run import JOBS, LIMIT_S, run_case, run_table
from halfopen.lab.matrix.sample import sample
from halfopen.lab.matrix.setting import Setting, Subject, gateway_subject
from halfopen.lab.matrix.summary import Totals, totals
from halfopen.lab.matrix.verdict import judge

__all__ = [
    "JOBS",
    "LIMIT_S",
    "Case",
    "Evidence",
    "Judgement",
    "Result",
    "Row",
    "Setting",
    "Subject",
    "Times",
    "Totals",
    "gateway_subject",
    "judge",
    "plan",
    "run_case",
    "run_table",
    "sample",
    "totals",
]
