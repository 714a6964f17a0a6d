"""The project's recipes inside other people's pipelines; each module needs the package that it is called after."""
