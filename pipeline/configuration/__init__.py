"""What a run is asked to do: manifest and profile, read, checked, scaled, and the runs that it is built on."""
