-- Runs once, as superuser, in the database POSTGRES_DB of a new server. psql needs the variable
-- STEPGRES_PASSWORD in its environment.

-- Roles first: installing gives those that exist their rights.
create role stepgres_client;
create role stepgres_worker;
create role stepgres_observer;
create role stepgres_admin;

-- Functions of Stepgres run with the rights of their owner, who therefore is no superuser.
create role stepgres_owner;
select current_database() as database \gset
grant create on database :"database" to stepgres_owner;
set role stepgres_owner;
create extension stepgres cascade;
reset role;

-- The login of workers, and of programs that start runs and look at them.
\getenv password STEPGRES_PASSWORD
create role stepgres_app login password :'password'
in role stepgres_client, stepgres_worker, stepgres_observer;
