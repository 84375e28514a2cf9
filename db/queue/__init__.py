"""Life of a task: every statement about jobs' work, from enqueue to reap.

    queued ──claim──> running ──finish──> succeeded | unchanged | canceled
      ^                  │  ──fail────> failed   (or queued again, later, when it can pass)
      └──────reap────────┘                (a lost lease)

Each function runs in the caller's transaction; what it does becomes true when that commits.
Rows are locked in the order tasks, then jobs by id, so that two batches never deadlock.
"""

from db.queue.adding import INSERT_TASKS, NEXT_RANK, TASKS, counts_of, enqueue, rows_of
from db.queue.ending import delay, end_expansion, fail, finish
from db.queue.leasing import claim, heartbeat, held, release
from db.queue.moving import move, note, progress
from db.queue.reaping import reap
from db.queue.settling import JOB_ENDED, settle
from db.queue.tasks import Claim, NewTask, Outcome, Step, Task

__all__ = [
    "INSERT_TASKS",
    "JOB_ENDED",
    "NEXT_RANK",
    "TASKS",
    "Claim",
    "NewTask",
    "Outcome",
    "Step",
    "Task",
    "claim",
    "counts_of",
    "delay",
    "end_expansion",
    "enqueue",
    "fail",
    "finish",
    "heartbeat",
    "held",
    "move",
    "note",
    "progress",
    "reap",
    "release",
    "rows_of",
    "settle",
]
