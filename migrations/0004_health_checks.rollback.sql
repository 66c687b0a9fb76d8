drop table health_checks;
