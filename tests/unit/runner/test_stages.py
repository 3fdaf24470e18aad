"""The stages of a playbook, read from its files."""

from pathlib import Path

from inferfleet.runner.stages import planned_roles, tags_of, title, titles

PLAYBOOKS = Path(__file__).parent / "playbooks"


def test_roles_of_a_play() -> None:
    assert planned_roles(PLAYBOOKS / "site.yml") == {"Work": ["first", "second"]}


def test_imports_blocks_and_tags_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "site.yml").write_text(
        """
- import_playbook: sub/one.yml
- name: Mine
  hosts: all
  vars: {secret: !vault "x"}
  pre_tasks:
    - ansible.builtin.include_role: {name: early}
  tasks:
    - block:
        - import_role: {name: inner}
      rescue:
        - include_role: {name: "{{ not_known }}"}
    - include_role: {name: inner}
- hosts: web
  roles: [{role: open_webui, tags: [x]}]
- ansible.builtin.import_playbook: sub/one.yml
- import_playbook: missing.yml
- import_playbook: site.yml
"""
    )
    (tmp_path / "sub" / "one.yml").write_text("- name: One\n  hosts: all\n  roles: [preflight]\n")
    plan = planned_roles(tmp_path / "site.yml")
    assert list(plan) == ["One", "Mine", "web"]
    assert plan["Mine"] == ["early", "inner"]
    assert set(plan["One"]) == {"preflight"}
    assert plan["web"] == ["open_webui"]


def test_invalid_playbook_has_no_stages(tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text("- hosts: [")
    assert planned_roles(tmp_path / "site.yml") == {}


def test_titles() -> None:
    assert title("model_weights") == "Model weights"
    assert title("my_own_role") == "my_own_role"


def test_every_role_has_a_title() -> None:
    roles = Path(__file__).parents[3] / "roles"
    assert {folder.name for folder in roles.iterdir() if folder.is_dir()} <= set(titles())


def test_tags_of_plays_blocks_and_tasks(tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text(
        """
- import_playbook: one.yml
- hosts: all
  tags: a, b
  tasks:
    - block:
        - include_role: {name: x, apply: {tags: [hidden]}}
          tags: [c]
  roles: [{role: d, tags: [d]}, e]
"""
    )
    (tmp_path / "one.yml").write_text("- hosts: all\n  tags: [always]\n")
    assert tags_of(tmp_path / "site.yml") == {"a", "b", "c", "d", "always"}


def test_included_task_files_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "site.yml").write_text(
        """
- name: Mine
  hosts: all
  tasks:
    - block:
        - ansible.builtin.include_tasks: tasks/start.yml
        - ansible.builtin.include_tasks: "{{ not_known }}.yml"
    - include_role: {name: last}
"""
    )
    (tmp_path / "tasks" / "start.yml").write_text("- block: [{include_role: {name: engine}, tags: [engine]}]\n")
    assert planned_roles(tmp_path / "site.yml") == {"Mine": ["engine", "last"]}
    assert tags_of(tmp_path / "site.yml") == {"engine"}
