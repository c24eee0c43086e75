"""Health data from Human API on Apache Spark.

Each task runs the `humanapi` command and reads the Arrow stream that it writes, so that tokens, paging, retries and limits
are those of the command.

```python
import humanapi_spark

humanapi_spark.register(spark)
activities = (
    spark.read.format("humanapi")
    .option("resource", "activities")
    .option("users", "/mnt/shared/users.txt")
    .load()
)
```
"""

from humanapi_spark.claim import LandingInUseError
from humanapi_spark.command import CommandFailedError, Settings
from humanapi_spark.landing import Landed, LandingNotWholeError, land
from humanapi_spark.source import HumanApiDataSource, SpeculationError, register

__all__ = [
    "CommandFailedError",
    "HumanApiDataSource",
    "Landed",
    "LandingInUseError",
    "LandingNotWholeError",
    "Settings",
    "SpeculationError",
    "land",
    "register",
]
