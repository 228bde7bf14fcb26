using System.Collections.Immutable;

namespace Mesh.Tests.Engine.Persistence;

/// <summary>
/// A memory journal that fails on words in events: <c>wrong</c> fails the write, <c>unfit</c> is rejected, <c>corrupt</c> fails the replay.
/// </summary>
public sealed class FailingJournal : MemoryJournal
{
    public const string Configuration = """
        akka.persistence.journal {
          plugin = akka.persistence.journal.failing
          failing.class = "Mesh.Tests.Engine.Persistence.FailingJournal, Mesh.Tests.Engine"
        }
        """;

    public override Task ReplayMessagesAsync(
        IActorContext context,
        string persistenceId,
        long fromSequenceNr,
        long toSequenceNr,
        long max,
        Action<IPersistentRepresentation> recoveryCallback) =>
        base.ReplayMessagesAsync(context, persistenceId, fromSequenceNr, toSequenceNr, max, each =>
        {
            if (Says(each, "corrupt"))
                throw new TestException($"blahonga {fromSequenceNr} {each.SequenceNr}");
            recoveryCallback(each);
        });

    protected override async Task<IImmutableList<Exception?>?> WriteMessagesAsync(IEnumerable<AtomicWrite> messages)
    {
        var writes = messages.ToList();
        if (writes.Exists(write => Says(write, "wrong")))
            throw new TestException("simulated store failure");
        await base.WriteMessagesAsync(writes.Where(write => !Says(write, "unfit")).ToList());
        return [.. writes.Select(write => Says(write, "unfit") ? new TestException("simulated rejection") : null)];
    }

    private static bool Says(AtomicWrite write, string word) => ((IEnumerable<IPersistentRepresentation>)write.Payload).Any(each => Says(each, word));

    private static bool Says(IPersistentRepresentation each, string word) =>
        each.Payload is Evt evt && evt.Data.ToString()!.Contains(word, StringComparison.Ordinal);
}
