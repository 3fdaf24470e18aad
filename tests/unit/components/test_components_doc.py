"""The page of components and ports is generated from their files."""

from tools.components_doc import render


def test_custom_component_is_documented(components):
    page = render(components, "en")
    assert "| Node exporter | `ray_head`, `ray_worker`, `monitoring` | container `inferfleet-node-exporter` |" in page
    assert "| 9100/tcp | Node exporter |  | `ray_head`, `ray_worker`, `monitoring` | nodes of the service |" in page
    assert "| `/etc/inferfleet/node-exporter.yml` | Node exporter | configuration |" in page
    assert "| `/var/lib/inferfleet/node-exporter` | Node exporter | data |" in page
