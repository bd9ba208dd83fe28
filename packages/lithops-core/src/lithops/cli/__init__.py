"""The command line, `lithops`: one file per command, each imported when it is asked for."""
