using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Engine.Persistence;

public sealed class MemoryJournalSpec() : JournalSpec("akka.persistence.journal.plugin = akka.persistence.journal.inmem")
{
    protected override bool RejectsUnknownEvents => false;
}

public sealed class MemorySnapshotStoreSpec()
    : SnapshotStoreSpec("akka.persistence.snapshot-store.plugin = akka.persistence.snapshot-store.inmem");
