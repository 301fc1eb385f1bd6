`make chaos` kills the processes of a tree at random while 100,000 targets are served, and counts what took effect at the clusters: nothing may be lost or done twice.
