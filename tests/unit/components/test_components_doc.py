"""The page of components and ports is generated from their files."""

from tools.components_doc import render


def test_custom_component_is_documented(components):
    page = render(components, "en")
    assert "| Process exporter | `ray_head`, `ray_worker`, `probes` | container `inferfleet-process-exporter` |" in page
    assert "| 9256/tcp | Process exporter |  | `ray_head`, `ray_worker`, `probes` | nodes of the service |" in page
    assert "| `/etc/inferfleet/process-exporter.yml` | Process exporter | configuration |" in page
    assert "| `/var/lib/inferfleet/process-exporter` | Process exporter | data |" in page
