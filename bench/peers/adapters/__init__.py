"""Programs that call other systems, each with the packages of its system alone."""
