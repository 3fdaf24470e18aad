"""The way of a request in a plan: client, gateway, replicas."""

from rich.console import Console
from rich.table import Table

from inferfleet.cli.output.plan import facts_table
from inferfleet.cli.output.text import tr
from inferfleet.messages import N_
from inferfleet.planner import GatewayPlan


def print_gateway(console: Console, gateway: GatewayPlan) -> None:
    """Print the gateway's address, certificate and hosts, and the replicas of each model; nothing without one."""
    if not gateway.hosts:
        return
    issued = tr(N_("certificate issued by the CA of the inventory"))
    rows = [
        (tr(N_("Clients use")), gateway.url),
        *([("Open WebUI", gateway.webui.url)] if gateway.webui.url else []),
        ("TLS", gateway.certificate or issued),
        (tr(N_("Gateway on")), ", ".join(f"{name} ({address})" for name, address in gateway.hosts.items())),
    ]
    if gateway.virtual_address:
        rows.append((tr(N_("Virtual address")), gateway.virtual_address))
    console.print()
    console.print(facts_table(rows))
    console.print()
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in (N_("Model"), N_("Replica"), N_("Concurrent requests")):
        table.add_column(tr(title), overflow="fold")
    for backend in gateway.backends:
        for replica in backend.replicas:
            table.add_row(backend.model, f"http://{replica.address}:{replica.port}", str(replica.capacity or ""))
    console.print(table)
