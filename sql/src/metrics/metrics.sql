create view stepgres.metrics as
select
    m.name,
    m.labels,
    m.value
from stepgres.list_metrics() as m;

comment on view stepgres.metrics is
'Shows what is happening now, as numbers with names and labels for Prometheus: see list_metrics.';
