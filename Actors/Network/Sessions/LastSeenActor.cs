using Mesh.Actors.Ports;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Sessions;

/// <summary>Stores what is news of nodes.</summary>
sealed record StoreSeen(IReadOnlyList<SeenRow> Rows);

/// <summary>Asks where nodes are by what the controllers stored that cannot be asked; answered by <see cref="StoredAttached"/>, or not.</summary>
sealed record ReadAttached(IReadOnlyCollection<ControllerId> Controllers);

/// <summary>Brings which nodes are attached to some controllers, as these stored it.</summary>
sealed record StoredAttached(IReadOnlyCollection<ControllerId> Controllers, IReadOnlyList<SeenRow> Rows);

/// <summary>
/// Writes and reads the plain table of when nodes were last heard of, one thing after the other. Supervises nothing; what could not be
/// written is written with the next batch, or lost.
/// </summary>
sealed class LastSeenActor : ReceiveActor
{
    readonly ILoggingAdapter _log = Context.GetLogger();
    bool _isSilent;

    public LastSeenActor(ILastSeen store)
    {
        // One after the other, and whoever stops this actor waits for the last.
        ReceiveAsync<StoreSeen>(news => TryAsync(() => store.WriteAsync(news.Rows, CancellationToken.None)));
        ReceiveAsync<ReadAttached>(async read =>
        {
            var asker = Sender;
            await TryAsync(async () => asker.Tell(new StoredAttached(read.Controllers, await store.ReadAttachedAsync(read.Controllers, CancellationToken.None))));
        });
    }

    async Task TryAsync(Func<Task> act)
    {
        try
        {
            await act();
            _isSilent = false;
        }
#pragma warning disable CA1031 // Whatever the store throws: it may be lost.
        catch (Exception e)
#pragma warning restore CA1031
        {
            if (!_isSilent)
                _log.Warning("when nodes were last seen cannot be stored or read: {0}", e.Message.Split('\n')[0]);
            _isSilent = true;
        }
    }
}
