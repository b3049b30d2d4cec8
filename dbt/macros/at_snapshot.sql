{# A source as the run has pinned it. People see main; in the target `lake` dbt refuses to run without the pins. #}
{% macro at_snapshot(relation) -%}
    {{ relation }}
    {%- if target.name == "lake" %} version as of {{ var("snapshots")[relation.schema ~ "." ~ relation.identifier] }}{% endif %}
{%- endmacro %}
