// Scenarios measure time on a machine with few cores: one at a time. Beside them run, one at a time too, those that mostly wait.
[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly, MaxParallelThreads = 2)]
