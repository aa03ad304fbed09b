create schema stepgres;

comment on schema stepgres is
'Stepgres: durable workflows scheduled by Postgres. Names that start with an underscore are private.';
