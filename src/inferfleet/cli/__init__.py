"""The command `inferfleet`: one line here for each of its commands."""

from inferfleet.cli.app import app
from inferfleet.cli.bench import EXAMPLES as _BENCH_EXAMPLES
from inferfleet.cli.bench import bench
from inferfleet.cli.bundle import EXAMPLES as _BUNDLE_EXAMPLES
from inferfleet.cli.bundle import bundle
from inferfleet.cli.check import EXAMPLES as _CHECK_EXAMPLES
from inferfleet.cli.check import check
from inferfleet.cli.doctor import EXAMPLES as _DOCTOR_EXAMPLES
from inferfleet.cli.doctor import doctor
from inferfleet.cli.down import EXAMPLES as _DOWN_EXAMPLES
from inferfleet.cli.down import down
from inferfleet.cli.estimate import EXAMPLES as _ESTIMATE_EXAMPLES
from inferfleet.cli.estimate import estimate
from inferfleet.cli.evaluate import EXAMPLES as _EVALUATE_EXAMPLES
from inferfleet.cli.evaluate import evaluate
from inferfleet.cli.fabric import EXAMPLES as _FABRIC_EXAMPLES
from inferfleet.cli.fabric import fabric
from inferfleet.cli.plan import EXAMPLES as _PLAN_EXAMPLES
from inferfleet.cli.plan import plan
from inferfleet.cli.report import EXAMPLES as _REPORT_EXAMPLES
from inferfleet.cli.report import report
from inferfleet.cli.status import EXAMPLES as _STATUS_EXAMPLES
from inferfleet.cli.status import status
from inferfleet.cli.up import EXAMPLES as _UP_EXAMPLES
from inferfleet.cli.up import up
from inferfleet.cli.weights import weights

__all__ = ["app"]

app.command(epilog=_UP_EXAMPLES)(up)
app.command(epilog=_STATUS_EXAMPLES)(status)
app.command(epilog=_DOCTOR_EXAMPLES)(doctor)
app.command(epilog=_DOWN_EXAMPLES)(down)
app.command(epilog=_PLAN_EXAMPLES)(plan)
app.command(epilog=_CHECK_EXAMPLES)(check)
app.command(epilog=_ESTIMATE_EXAMPLES)(estimate)
app.command(epilog=_FABRIC_EXAMPLES)(fabric)
app.command(epilog=_REPORT_EXAMPLES)(report)
app.command(epilog=_BENCH_EXAMPLES)(bench)
app.command(epilog=_EVALUATE_EXAMPLES)(evaluate)
app.command(epilog=_BUNDLE_EXAMPLES)(bundle)
app.add_typer(weights, name="weights")
