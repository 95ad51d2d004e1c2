"""The judge: every fault, plain and streamed, through a gateway with the official client.

`plan` lists the cases, `run_table` plays them, `judge` gives one its verdict. Needs the `openai`
package (extra `lab`).
"""

from halfopen.lab.matrix.case import Case, Times, plan
from halfopen.lab.matrix.row import Result, Row, Totals, totals
from halfopen.lab.matrix.run import LIMIT_S, run_case, run_table
from halfopen.lab.matrix.setting import Setting, Subject, gateway_subject
from halfopen.lab.matrix.verdict import Evidence, judge

__all__ = [
    "LIMIT_S",
    "Case",
    "Evidence",
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
    "totals",
]
