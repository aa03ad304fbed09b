create schema stepgres;

comment on schema stepgres is
'Stepgres: durable workflows scheduled by PostgreSQL.

Names that start with an underscore are private.';
