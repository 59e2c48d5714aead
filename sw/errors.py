"""The one exception hierarchy of HybridMesh.

Every error that a user can meet says what is wrong, where, and what to do about it.  The command
line prints ``str(error)`` on one line and exits non-zero; nothing else is ever shown for them.
"""

__all__ = ["HybridMeshError"]


class HybridMeshError(Exception):
    """What is wrong, where, and the remedy.

    Parameters
    ----------
    problem : str
        A whole sentence without the closing full stop.
    place : str
        ``file:line``, a YAML path, a register name, an address; empty where there is none.
    remedy : str
        What the user can do; empty where the problem says it already.
    """

    def __init__(self, problem: str, *, place: str = "", remedy: str = "") -> None:
        self.problem = problem
        self.place = place
        self.remedy = remedy
        super().__init__(problem)

    def __str__(self) -> str:
        text = f"{self.place}: {self.problem}" if self.place else self.problem
        return f"{text}; {self.remedy}" if self.remedy else text
