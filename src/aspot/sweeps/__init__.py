"""Sweeps of parameters: many cases side by side, resumable, into one labelled data set.

>>> from aspot.sweeps import Axis
>>> Axis.range("working_electrode.gap.thickness", "10 nm", "1 um", 3, scale="log")
<Axis working_electrode.gap.thickness: 3 values>

On a cluster with SLURM (or PBS, LSF, ...) by way of dask-jobqueue, one core for each worker:

>>> from dask_jobqueue import SLURMCluster                                      # doctest: +SKIP
>>> cluster = SLURMCluster(cores=1, processes=1, memory="4GB", walltime="08:00:00")  # doctest: +SKIP
>>> cluster.scale(200)                                                          # doctest: +SKIP
>>> aspot.sweep("sweep.toml", out="results/sweep", scheduler=cluster.scheduler_address)  # doctest: +SKIP

The folder is written by the process that calls; workers need the same aspot, and files that the case names under the
same path. Workers may come and go; when the job of the caller itself is killed, the same call goes on.
"""

from aspot.sweeps.axes import Axis
from aspot.sweeps.cases import describe
from aspot.sweeps.description import Sweep, load
from aspot.sweeps.run import SweepProgress, SweepResult, sweep

__all__ = ["Axis", "Sweep", "SweepProgress", "SweepResult", "describe", "load", "sweep"]
